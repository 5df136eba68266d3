// SPDX-License-Identifier: Apache-2.0

import LoopDisks

/// A mirror of the kernel's RAID, stopped with its owner.
final class RaidArray {
    let device = "/dev/md127"

    init(_ members: [String], metadata: String = "1.2") throws {
        try Command.run("modprobe", "raid1")
        // Its members are all zeros, so they need no initial synchronisation.
        try Command.run(
            ["mdadm", "--create", device, "--run", "--level=1", "--assume-clean", "--metadata=\(metadata)"]
                + ["--raid-devices=\(members.count)"] + members)
    }

    deinit { try? stop() }

    func stop() throws { try Command.run("mdadm", "--stop", device) }
}
