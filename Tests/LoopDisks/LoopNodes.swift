// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// The nodes of loop devices. The kernel keeps one for every device that there was, and each look at all disks goes
/// through all of them: a test with hundreds of disks removes its own, or all tests after it are slow.
public struct LoopNodes: Sendable {
    private let before: Set<String>

    /// Those that are there now are kept.
    public init() { before = Self.names() }

    /// Removes what has come since and has no file any more. A device loses its file a moment after its last descriptor.
    public func removeNew() {
        let control = open("/dev/loop-control", O_RDWR | O_CLOEXEC)
        guard control >= 0 else { return }
        defer { close(control) }
        for name in Self.names().subtracting(before) {
            guard let number = CInt(name.dropFirst("loop".count)) else { continue }
            // LOOP_CTL_REMOVE, linux/loop.h
            for _ in 0..<100 where ioctl(control, 0x4C81, number) < 0 && errno == EBUSY { usleep(20_000) }
        }
    }

    private static func names() -> Set<String> {
        Set((try? FileManager.default.contentsOfDirectory(atPath: "/sys/block"))?.filter { $0.hasPrefix("loop") } ?? [])
    }
}
