// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// Which volume a mounted filesystem is, recorded when it was mounted: a disk that is gone, or dead, does not answer
/// any more, and its mount has to be found by the volume's ID all the same.
///
/// A file for each device number, which a filesystem keeps for as long as it is mounted anywhere. A record says nothing
/// after a restart of the machine, so it need not be on stable storage.
struct MountRecords: Sendable {
    private let directory: String
    private let boot: String

    init(stateDirectory: String) throws(StorageError) {
        directory = "\(stateDirectory)/mounts"
        boot = try ProcFS.bootID()
    }

    func note(_ volume: VolumeID, _ mount: Mount) throws(StorageError) {
        try makeDirectories(directory)
        let text = [boot, volume.guid, try Self.sequence(mount) ?? "", "\(mount.id)", mount.type, mount.source]
            .joined(separator: "\n")
        try StateFile.write(text, to: path(mount), isLasting: false)
    }

    /// The volume that was mounted from the device of this mount; nil where that is not known.
    func volume(of mount: Mount) -> VolumeID? {
        guard let text = (try? StateFile.read(path(mount))) ?? nil else { return nil }
        let parts = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 6, parts[0] == boot, parts[4] == mount.type, parts[5].isIdentical(to: mount.source) else {
            return nil
        }
        // Another disk can have got the device number since, and its mount can have the number of one that has gone. A
        // filesystem that spans devices has a number of the kernel's own making, and a source whose name another disk
        // can have by now while it is mounted.
        let now: String?
        do throws(StorageError) { now = try Self.sequence(mount) } catch { return nil }
        let isTheSame = mount.device.major == 0 && parts[3] == "\(mount.id)"
        guard now == nil || now == parts[2] || isTheSame else { return nil }
        return try? VolumeID(guid: parts[1])
    }

    func forget(_ mount: Mount) { unlink(path(mount)) }

    private func path(_ mount: Mount) -> String { "\(directory)/\(mount.device)" }

    /// The `diskseq` of the disk below, as long as that is attached.
    private static func sequence(_ mount: Mount) throws(StorageError) -> String? {
        guard let device = try mount.deviceName else { return nil }
        return try Sysfs.attribute("/sys/block/\(BlockDeviceName.disk(of: device))/diskseq")
    }
}
