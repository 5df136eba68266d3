// SPDX-License-Identifier: Apache-2.0

import Foundation
import LoopDisks

/// A mount at a place of the running system, in this process's own namespace; ended with its owner. Made
/// without a program: the place may be where programs are.
final class SystemMount {
    private let place: String

    init(of device: String, type: String, at place: String) throws {
        self.place = place
        guard mount(device, place, type, 0, nil) == 0 else {
            throw CommandFailed("mount \(device) at \(place): errno \(errno)")
        }
    }

    deinit { umount2(place, Int32(MNT_DETACH)) }

    func end() throws {
        guard umount2(place, 0) == 0 else { throw CommandFailed("unmount \(place): errno \(errno)") }
    }
}
