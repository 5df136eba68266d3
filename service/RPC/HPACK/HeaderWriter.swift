// SPDX-License-Identifier: Apache-2.0

package import NIOCore

extension ByteBuffer {
    /// Writes a field that has no place in the peer's dynamic table: blocks of such fields can be kept and sent again.
    package mutating func writeField(_ name: String, _ value: some Collection<UInt8>) {
        writeInteger(UInt8(0))
        writeHeaderLength(name.utf8.count)
        writeString(name)
        writeHeaderLength(value.count)
        writeBytes(value)
    }

    package mutating func writeField(_ name: String, _ value: String) { writeField(name, value.utf8) }

    /// RFC 7541, section 5.1, with a prefix of seven bits.
    private mutating func writeHeaderLength(_ length: Int) {
        guard length >= 0x7f else {
            writeInteger(UInt8(length))
            return
        }
        writeInteger(UInt8(0x7f))
        var rest = length - 0x7f
        while rest >= 0x80 {
            writeInteger(UInt8(rest & 0x7f | 0x80))
            rest >>= 7
        }
        writeInteger(UInt8(rest))
    }
}
