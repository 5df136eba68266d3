// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

extension Descriptor {
    /// Opens a device with O_EXCL: as long as it is open, the device cannot be mounted or stacked on. One that is in
    /// use already is refused with the names of its holders, and another device at its path is refused as well. A
    /// process that has it for a moment, a probe, is waited for.
    static func claim(_ device: VolumeDevice, _ access: Int32) throws(StorageError) -> Descriptor {
        var refusal: StorageError?
        for attempt in 0..<20 {
            if attempt > 0 { usleep(50_000) }
            do throws(StorageError) {
                return try claimAtOnce(device, access)
            } catch  where error.code == .busy {
                refusal = error
                // Mounts and stacks do not pass in a moment.
                if error.holders.contains(where: { !$0.isProcess }) { break }
            }
        }
        throw refusal ?? StorageError(errno: EBUSY, "open", device.path)
    }

    private static func claimAtOnce(_ device: VolumeDevice, _ access: Int32) throws(StorageError) -> Descriptor {
        do throws(StorageError) {
            let claim = try Descriptor(opening: device.path, access | O_EXCL | O_NONBLOCK)
            guard try claim.status(device.path).special == device.device else {
                throw StorageError(.failedPrecondition, "another device has come in its place", subject: device.path)
            }
            let users = try Holders.conflictingUsers(of: device)
            guard users.isEmpty else {
                throw StorageError(.busy, "it is in use", subject: device.path).held(by: users)
            }
            return claim
        } catch  where error.code == .busy && error.holders.isEmpty {
            var error = error
            error.subject = device.path
            error.detail = "it is mounted or part of another device"
            error.holders = Holders.ofDevice(device)
            throw error
        }
    }
}

extension Holder {
    var isProcess: Bool { if case .process = self { true } else { false } }
}
