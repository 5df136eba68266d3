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

    // MARK: - Statistics

    public func targetStats(of path: HostPath) async throws(StorageError) -> TargetStats {
        try await onPath(path) { resolver, path throws(StorageError) in
            switch try TargetLook.sight(of: path, resolver) {
            case .absent: throw StorageError(.notFound, "there is nothing", subject: "\(path)")
            case .link: throw StorageError(.failedPrecondition, "a symbolic link is there", subject: "\(path)")
            case .dead(_, let reason): throw StorageError(.inputOutput, reason, subject: "\(path)")
            case .silent:
                throw StorageError(.unavailable, "its server or program does not answer", subject: "\(path)")
            case .directory, .file, .special, .mounted: break
            }
            let place = try resolver.open(path, cls_O_PATH)
            let status = try place.status("\(path)")
            if status.isBlockDevice {
                let sectors = try Sysfs.number("/sys/dev/block/\(status.special)/size")
                guard let sectors else { throw StorageError(.notFound, "its device is gone", subject: "\(path)") }
                return .device(size: Int64(sectors) * 512)
            }
            var filesystem = statvfs()
            try checkErrno(fstatvfs(place.raw, &filesystem), "fstatvfs", "\(path)")
            return TargetStats(filesystem)
        }
    }
}

extension TargetStats {
    fileprivate init(_ status: statvfs) {
        let unit = Int64(clamping: status.f_frsize)
        let total = Int64(clamping: status.f_blocks) * unit
        let bytes = Capacity(
            total: total, used: total - Int64(clamping: status.f_bfree) * unit,
            available: Int64(clamping: status.f_bavail) * unit)
        let files = Int64(clamping: status.f_files)
        let inodes = Capacity(
            total: files, used: files - Int64(clamping: status.f_ffree), available: Int64(clamping: status.f_favail))
        self = .filesystem(bytes: bytes, inodes: files == 0 ? nil : inodes)
    }
}
