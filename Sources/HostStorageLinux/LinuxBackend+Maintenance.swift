// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
public import HostStorage

extension LinuxBackend {
    public func trimVolume(_ volume: VolumeID) async throws(StorageError) -> Int64 {
        try await onMounted(volume) { top, subject throws(StorageError) in
            let result = cls_trim(top.raw)
            if result >= 0 { return result }
            var error = StorageError(errno: Int32(-result), "FITRIM", subject)
            if [EOPNOTSUPP, ENOTTY].contains(Int32(-result)) {
                (error.code, error.detail) = (.unsupported, "its disk or filesystem takes no report of free blocks")
            }
            throw error
        }
    }

    public func freezeVolume(_ volume: VolumeID, for limit: Duration) async throws(StorageError) {
        try await onMounted(volume) { [frozen] top, subject throws(StorageError) in
            try frozen.freeze(volume, top, for: limit, subject)
        }
    }

    public func thawVolume(_ volume: VolumeID) async throws(StorageError) -> Bool {
        try await queues.run(in: .frozen(volume)) { [frozen] in frozen.thaw(volume) }
    }

    /// Runs `work` on a directory of the volume's mounted filesystem.
    private func onMounted<Value: Sendable>(
        _ volume: VolumeID,
        _ work: @escaping @Sendable (borrowing Descriptor, _ subject: String) throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try await withVolume(volume) { found throws(StorageError) in
            try await onDisk(of: found) { [systemDisks] () throws(StorageError) in
                try systemDisks.refuse(found.disk)
                let open = try OpenVolume(found, .question)
                guard let top = try open.mountedDirectory() else {
                    throw StorageError(.failedPrecondition, "it is not mounted", subject: open.path)
                }
                return try work(top.descriptor, open.path)
            }
        }
    }
}
