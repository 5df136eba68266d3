// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// How each filesystem is made.
///
/// No tool gets a flag that forces it: the device is proven blank, and a tool that sees something there
/// after all is to refuse. None discards: there is nothing on a blank device to discard, and on some
/// storage it takes minutes.
extension FilesystemKind {
    func makingTool() throws(StorageError) -> ChildProgram {
        switch self {
        case .ext4: try ChildProgram("mkfs.ext4", package: "e2fsprogs")
        case .xfs: try ChildProgram("mkfs.xfs", package: "xfsprogs")
        case .btrfs: try ChildProgram("mkfs.btrfs", package: "btrfs-progs")
        case .ntfs: try ChildProgram("mkfs.ntfs", package: "ntfs-3g")
        case .exfat: try ChildProgram("mkfs.exfat", package: "exfatprogs")
        }
    }

    /// Whether the tool can be told the filesystem's UUID.
    var takesUUID: Bool {
        switch self {
        case .ext4, .xfs, .btrfs: true
        case .ntfs, .exfat: false
        }
    }

    /// - Parameters:
    ///   - uuid: nil for a filesystem that takes none.
    ///   - proof: that the device is blank. Its claim ends here, for the tool makes its own.
    func makingArguments(_ volume: VolumeDevice, uuid: String?, _ proof: consuming BlankProof) -> [String] {
        let uuid = uuid ?? ""
        let device = Confinement.path(of: volume)
        return switch self {
        // -m 0: blocks reserved for root are no use on a volume of data (as Kubernetes has it).
        case .ext4:
            ["-q", "-m", "0", "-U", uuid] + Self.ext4Growth(size: volume.size) + ["--", device]
        case .xfs: ["-q", "-K", "-m", "uuid=\(uuid)", "--", device]
        case .btrfs: ["-q", "-K", "-U", uuid, "--", device]
        // -Q: without it the tool writes zeros over the whole volume.
        case .ntfs: ["-q", "-Q", device]
        case .exfat: [device]
        }
    }

    /// An ext4 is made so that it can grow from any size to any other. By itself its tool gives small volumes blocks of
    /// 1 KiB, with which a filesystem ends at some hundred GiB, and more inodes than 32 bits can count once it is large.
    private static func ext4Growth(size: Int64) -> [String] {
        var extended = "nodiscard,lazy_itable_init=1"
        // Room for the descriptors of 2 TiB, which the tool itself leaves from 2 GiB on; a mebibyte or so in each copy.
        // Growth beyond it is possible too, it only lays the descriptors out anew. A mounted filesystem grows in
        // transactions that hold all this room, and the journal of one below 128 MiB (1024 blocks) has place for half.
        if size >= 64 << 20, size < 2 << 30 {
            extended += ",resize=\((size < 130 << 20 ? 1 << 40 : 2 << 40) / 4096)"
        }
        return ["-b", "4096"] + (size < 512 << 20 ? ["-i", "16384"] : []) + ["-E", extended]
    }
}
