// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

extension Descriptor {
    /// Opens a device with O_EXCL: as long as it is open, nobody mounts the device or takes it into a stack.
    /// One that is in use so already, and not for a moment only, is refused by the names of its holders, and another device at its path
    /// is refused as well.
    static func claim(_ device: VolumeDevice, _ access: Int32) throws(StorageError) -> Descriptor {
        do throws(StorageError) {
            let claim = try BriefHold.outlast { () throws(StorageError) in
                try Descriptor(opening: device.path, access | O_EXCL | O_NONBLOCK)
            }
            guard try claim.status(device.path).special == device.device else {
                throw StorageError(.failedPrecondition, "another device has come in its place", subject: device.path)
            }
            return claim
        } catch  where error.code == .busy {
            var error = error
            error.subject = device.path
            error.detail = "it is mounted or part of another device"
            error.holders = Holders.ofDevice(device)
            throw error
        }
    }
}
