// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// The nine bytes before a frame's payload (RFC 9113, section 4.1).
package struct FrameHead: Hashable, Sendable {
    package var length: Int
    package var type: FrameType
    package var flags: FrameFlags
    package var stream: UInt32

    package static let size = 9

    package init(length: Int, type: FrameType, flags: FrameFlags = [], stream: UInt32 = 0) {
        (self.length, self.type, self.flags, self.stream) = (length, type, flags, stream)
    }
}

/// Unknown types are values, too: they are ignored (RFC 9113, section 4.1).
package struct FrameType: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let data = FrameType(rawValue: 0)
    package static let headers = FrameType(rawValue: 1)
    package static let priority = FrameType(rawValue: 2)
    package static let reset = FrameType(rawValue: 3)
    package static let settings = FrameType(rawValue: 4)
    package static let pushPromise = FrameType(rawValue: 5)
    package static let ping = FrameType(rawValue: 6)
    package static let goAway = FrameType(rawValue: 7)
    package static let windowUpdate = FrameType(rawValue: 8)
    package static let continuation = FrameType(rawValue: 9)
}

package struct FrameFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Of SETTINGS and PING.
    package static let acknowledged = FrameFlags(rawValue: 1)
    /// Of DATA and HEADERS.
    package static let endStream = FrameFlags(rawValue: 1)
    package static let endHeaders = FrameFlags(rawValue: 4)
    package static let padded = FrameFlags(rawValue: 8)
    package static let priority = FrameFlags(rawValue: 0x20)
}

extension ByteBuffer {
    package mutating func write(_ head: FrameHead) {
        writeMultipleIntegers(
            UInt32(truncatingIfNeeded: head.length) << 8 | UInt32(head.type.rawValue), head.flags.rawValue, head.stream)
    }

    /// The head at the reader's index, which stays; nil where there are not enough bytes.
    package func peekFrameHead() -> FrameHead? {
        guard
            let (word, flags, stream) = getMultipleIntegers(at: readerIndex, as: (UInt32, UInt8, UInt32).self)
        else { return nil }
        return FrameHead(
            length: Int(word >> 8), type: FrameType(rawValue: UInt8(truncatingIfNeeded: word)),
            flags: FrameFlags(rawValue: flags), stream: stream & 0x7fff_ffff)
    }
}
