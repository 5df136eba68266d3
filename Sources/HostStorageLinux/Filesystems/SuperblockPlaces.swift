// SPDX-License-Identifier: Apache-2.0

/// Where the filesystems that are known keep copies of their superblocks on a device of a size, beyond its
/// head and its tail. All of it is computed, so that a copy is found although its head and tail are lost.
enum SuperblockPlaces {
    /// How many bytes are read at a place.
    static let length: Int64 = 4096

    static func all(size: Int64) -> [Range<Int64>] {
        groups(size: size) + FilesystemDrivers.all.flatMap { $0.superblockCopies(size: size) }
    }

    /// Places at multiples of powers of two:
    /// * ext2/3/4 (ext4(5), "sparse_super"): the groups 1 and the powers of 3, 5 and 7, and with `sparse_super2`
    ///   the last. A group is a power of two for every size of blocks, clusters (`bigalloc`) and, among those of
    ///   `-g`, for the powers of two. With blocks of 1 KiB the copy is 1 KiB further on.
    /// * ocfs2: 1 GiB, 4 GiB, … 1 TiB; btrfs: 64 MiB, 256 GiB, 1 PiB; LUKS2: 2 and 4 MiB; VMFS: 2 and 16 MiB.
    /// * xfs whose allocation groups were given a size that is a power of two.
    /// Also 1 MiB further on: there begins the first partition of a disk whose table is lost.
    private static func groups(size: Int64) -> [Range<Int64>] {
        var places: [Range<Int64>] = []
        var group: Int64 = 1 << 20
        while group < size {
            places += [group..<(group + length), (group + (1 << 20))..<(group + (1 << 20) + length)]
            for base in [3, 5, 7] as [Int64] {
                var number = base
                while number < size / group {
                    places.append((number * group)..<(number * group + length))
                    number *= base
                }
            }
            let last = (size - 1) / group * group
            places.append(last..<(last + length))
            group *= 2
        }
        return places
    }
}

extension [Range<Int64>] {
    /// In order, cut to `bounds`, to whole pages, and each byte once.
    func merged(within bounds: Range<Int64>) -> [Range<Int64>] {
        var result: [Range<Int64>] = []
        let cut = map { ($0.lowerBound & ~4095)..<(($0.upperBound + 4095) & ~4095) }
            .filter { $0.overlaps(bounds) }.map { $0.clamped(to: bounds) }
        for range in cut.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = result.last, range.lowerBound <= last.upperBound {
                result[result.count - 1] = last.lowerBound..<Swift.max(last.upperBound, range.upperBound)
            } else {
                result.append(range)
            }
        }
        return result
    }
}
