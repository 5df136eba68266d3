// SPDX-License-Identifier: Apache-2.0

import HostStorage

extension LinuxBackend {
    /// Fails where the volume is of a filesystem of several devices and one of these is there twice: the kernel would put a
    /// filesystem together of devices and their copies, and write to both.
    func requireNoCopies(of found: LocatedVolume) async throws(StorageError) {
        let (driver, own) = try await onVolume(found) { volume throws(StorageError) in
            let driver = try volume.driver()
            return (driver, try driver.member(on: volume, from: 0))
        }
        guard own.count > 1 else { return }
        var places: [UInt64: String] = [:]
        for volume in try await index.all() where volume.id != found.id {
            let other = try await onDisk(of: volume) { () throws(StorageError) -> FilesystemMember? in
                do throws(StorageError) {
                    let disk = try OpenDisk(volume.disk)
                    return try Holders.known(or: nil) { () throws(StorageError) in
                        try driver.member(on: disk, from: volume.partition?.start ?? 0)
                    }
                } catch  where error.code == .notFound {
                    // It has left since it was listed.
                    return nil
                }
            }
            guard let other, other.filesystem == own.filesystem else { continue }
            let earlier = other.id == own.id ? found.place : places.updateValue(volume.place, forKey: other.id)
            guard let earlier else { continue }
            throw StorageError(
                .failedPrecondition,
                "its btrfs has several devices, of which \(earlier) and \(volume.place) are the same one: one is a copy; "
                    + "detach the copies, or give them a UUID of their own (btrfstune -u)", subject: found.place)
        }
    }
}
