// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Whether the remains of a format without a superblock are its tool's, and nothing else: every page that a
/// ``BlankDevice`` looks at is blank, or carries the UUID that was drawn for this format, or a checksum over it, or has
/// the form of one of the few structures of a new and empty filesystem that carry neither. A page that shows a mount
/// since is not the tool's, with or without that UUID.
struct FormatRemains {
    /// Whether all that was found is the tool's.
    private(set) var areOwn = true
    /// Whether anything was found that carries the UUID or a checksum over it.
    private(set) var carryUUID = false
    /// Whether there is anything at all.
    private(set) var exist = false

    init(of kind: FilesystemKind, _ uuid: String, on volume: OpenVolume) throws(StorageError) {
        guard let own = UUIDText.bytes(uuid) else {
            areOwn = false
            return
        }
        let (device, path) = (volume.device, volume.device.path)
        let driver = kind.driver
        // The page cache may be stale.
        try check(cls_block_flush_buffers(volume.descriptor.raw), "BLKFLSBUF", path)
        for range in BlankDevice.ranges(size: device.size) where areOwn {
            try volume.descriptor.forEachPiece(of: range, size: 4096, path) { offset, bytes throws(StorageError) in
                if bytes.firstIndexOfData == nil { return true }
                exist = true
                switch try driver.origin(of: Page(offset: offset, bytes: bytes), own, on: volume) {
                case .own: carryUUID = true
                case .plausible: break
                case .foreign: areOwn = false
                }
                return areOwn
            }
        }
    }
}
