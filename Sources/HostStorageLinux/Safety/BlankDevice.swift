// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// A device that was read and found blank, and that no other process can use since. Nothing is partitioned or formatted
/// without one: to put a table or a filesystem on a device takes this value, and works on its device alone, so that no
/// proof of one device lets another be written to.
///
/// Blank means: libblkid recognises nothing, and the head, the tail, every place where a known filesystem
/// keeps a copy of its superblock, and a sample of all the rest read as zeros. "Nothing recognised" alone is
/// not blank, and a device that cannot be read is not either.
struct BlankDevice: ~Copyable {
    let device: VolumeDevice
    /// Open with O_EXCL: while it lives the device cannot be mounted or stacked on.
    let descriptor: Descriptor

    /// For a partition table, and so for writing.
    ///
    /// - Parameter disk: its lock is held.
    init(of disk: OpenDisk) throws(StorageError) { try self.init(of: disk.wholeDevice, O_RDWR) }

    /// - Parameter device: as the caller knows it; one of another number or size is refused.
    init(of device: VolumeDevice, _ access: Int32 = O_RDONLY) throws(StorageError) {
        let (path, size) = (device.path, device.size)
        let claim = try Descriptor.claim(device, access)
        guard size > 0, try claim.blockSize(path) == size else {
            throw StorageError(.failedPrecondition, "its size is not the expected \(size) bytes", subject: path)
        }
        // The page cache may be stale.
        try check(cls_block_flush_buffers(claim.raw), "BLKFLSBUF", path)

        do throws(StorageError) {
            let (content, offset) = try BlockProbe(claim, path).content()
            if let label = content.label {
                let place = offset.map { " at offset \($0)" } ?? ""
                throw StorageError(.failedPrecondition, "it is not blank: it holds \(label)\(place)", subject: path)
            }
            for range in Self.ranges(size: size) {
                try Self.proveZero(claim, range, path)
            }
        } catch  where error.code == .inputOutput {
            throw Self.unreadable(claim, size: size, path, error)
        }
        self.device = device
        descriptor = claim
    }

    /// The error for a device that could not be read because of `error`: with the place, if it is one that has to read
    /// as zeros.
    static func unreadable(
        _ device: borrowing Descriptor, size: Int64, _ path: String, _ error: StorageError
    ) -> StorageError {
        var place = ""
        for range in ranges(size: size) {
            guard let offset = device.firstUnreadable(in: range) else { continue }
            place = " at offset \(offset)"
            break
        }
        return StorageError(
            .failedPrecondition, "it cannot be read\(place), so it is not provably blank", subject: path,
            cause: error.cause)
    }

    private static func proveZero(
        _ device: borrowing Descriptor, _ range: Range<Int64>, _ path: String
    ) throws(StorageError) {
        try device.forEachPiece(of: range, path) { offset, bytes throws(StorageError) in
            guard let index = bytes.firstIndexOfData else { return true }
            throw StorageError(
                .failedPrecondition, "it is not blank: it holds unknown data at offset \(offset + Int64(index))",
                subject: path)
        }
    }

    /// How many places are read besides the known ones, evenly spaced. As many on every device, so that a large one
    /// takes no longer.
    static let sampleCount: Int64 = 512

    /// The ranges that must read as zeros, within a device of `size` bytes: head and tail, every place of
    /// ``SuperblockPlaces``, and a sample of all the rest. In order, none overlapping.
    static func ranges(size: Int64) -> [Range<Int64>] {
        let (head, tail) = (2 << 20 as Int64, 1 << 20 as Int64)
        // All of a device for which that takes no longer.
        guard size > 16 << 20 else { return [0..<size] }
        return ([0..<head, (size - tail)..<size] + SuperblockPlaces.all(size: size) + samples(in: 0..<size))
            .merged(within: 0..<size)
    }

    static func samples(in range: Range<Int64>) -> [Range<Int64>] {
        let step = Int64(range.count) / (sampleCount + 1)
        return (1...sampleCount).map { range.lowerBound + $0 * step }
            .map { $0..<($0 + SuperblockPlaces.length) }
    }
}

/// A volume that is blank.
struct BlankVolume: ~Copyable {
    private let volume: OpenVolume
    private let blank: BlankDevice

    /// - Parameter volume: its disk's lock is held.
    init(_ volume: OpenVolume) throws(StorageError) {
        blank = try BlankDevice(of: volume.device)
        self.volume = volume
    }

    /// In bytes.
    var size: Int64 { blank.device.size }
    /// The device's path where its tool sees it.
    var path: String { Confinement.path(of: blank.device) }

    /// The run of a tool that makes a filesystem here. The claim ends with this, for the tool makes its own; the disk's
    /// lock and the open device stay.
    consuming func making(of driver: any FilesystemDriver, by tool: ChildProgram, uuid: String?) -> FilesystemMaking {
        FilesystemMaking(
            volume: volume,
            run: ToolRun(tool: tool, arguments: driver.makingArguments(self, uuid: uuid ?? ""), device: volume.device))
    }
}

/// The making of a filesystem on a volume that was blank.
struct FilesystemMaking {
    let volume: OpenVolume
    let run: ToolRun

    fileprivate init(volume: OpenVolume, run: ToolRun) { (self.volume, self.run) = (volume, run) }
}

extension Descriptor {
    /// The offset from which on a read fails, to a page; nil where all can be read.
    fileprivate func firstUnreadable(in range: Range<Int64>) -> Int64? {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var offset = range.lowerBound
        while offset < range.upperBound {
            let got = pread(raw, &buffer, min(buffer.count, Int(range.upperBound - offset)), off_t(offset))
            guard got > 0 else { return offset }
            offset += Int64(got)
        }
        return nil
    }
}
