// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// What a btrfs knows of one of its devices, from the superblock on it (Btrfs On-disk Format, "Superblock").
struct BtrfsDevice: Sendable {
    /// Of the filesystem, which all its devices share, and copies of them too.
    let filesystem: [UInt8]
    /// How many devices it has.
    let count: Int64
    /// Its number in the filesystem.
    let id: UInt64
    let bytes: Int64

    /// - Parameter start: where on the device the filesystem begins.
    init(of device: borrowing Descriptor, from start: Int64 = 0, _ subject: String) throws(StorageError) {
        let superblock = try device.bytes(at: start + 65536, count: 4096, subject)
        guard superblock[0x40..<0x48].elementsEqual("_BHRfS_M".utf8) else {
            throw StorageError(.failedPrecondition, "it holds no btrfs", subject: subject)
        }
        filesystem = Array(superblock[0x20..<0x30])
        count = superblock.little(0x88, 8)
        id = UInt64(superblock.little(0xC9, 8))
        bytes = superblock.little(0xC9 + 8, 8)
    }
}

extension LinuxBackend {
    /// Fails where the volume is of a btrfs of several devices and one of these is there twice: the kernel would put a
    /// filesystem together of devices and their copies, and write to both.
    func requireNoCopies(of found: LocatedVolume) async throws(StorageError) {
        let own = try await onDisk(of: found) { () throws(StorageError) -> BtrfsDevice? in
            let volume = try OpenVolume(found)
            guard try volume.filesystemType() == "btrfs" else { return nil }
            return try BtrfsDevice(of: volume.descriptor, volume.device.path)
        }
        guard let own, own.count > 1 else { return }
        var places: [UInt64: String] = [:]
        for volume in try await index.all() where volume.place != found.place {
            let other = try await onDisk(of: volume) { () throws(StorageError) -> BtrfsDevice? in
                let disk = try OpenDisk(volume.disk)
                return try? BtrfsDevice(of: disk.descriptor, from: volume.partition?.start ?? 0, disk.path)
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
