// SPDX-License-Identifier: Apache-2.0

/// The cyclic redundancy checks of tables and filesystems, bits reversed.
struct Checksum {
    /// As zlib has it: GPT (UEFI 2.10, 5.3.2).
    static let ieee = Checksum(polynomial: 0xEDB8_8320)
    /// Castagnoli's: ext4, xfs, btrfs.
    static let castagnoli = Checksum(polynomial: 0x82F6_3B78)

    private let table: [UInt32]

    private init(polynomial: UInt32) {
        table = (0..<256).map { index in
            (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ polynomial : value >> 1 }
        }
    }

    /// Goes on from `seed`. Nothing is inverted at the end.
    func update(_ seed: UInt32, _ bytes: some Sequence<UInt8>) -> UInt32 {
        bytes.reduce(seed) { $0 >> 8 ^ table[Int(($0 ^ UInt32($1)) & 0xFF)] }
    }
}
