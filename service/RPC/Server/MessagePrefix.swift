// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The five bytes before a message, a flag and the message's length, of which some may not have come yet.
struct MessagePrefix {
    private var bytes: UInt64 = 0
    private var count = 0

    static let size = 5

    /// Takes what is missing.
    mutating func take(_ data: inout ByteBuffer) {
        while count < Self.size, let byte = data.readInteger(as: UInt8.self) {
            bytes = bytes << 8 | UInt64(byte)
            count += 1
        }
    }

    var flag: UInt8? { count == 0 ? nil : UInt8(bytes >> (8 * UInt64(count - 1))) }
    var length: Int? { count < Self.size ? nil : Int(bytes & 0xffff_ffff) }
}
