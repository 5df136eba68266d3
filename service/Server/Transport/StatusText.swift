// SPDX-License-Identifier: Apache-2.0

/// The text of a status on the wire.
///
/// It is a header, and a client that finds more than 8 KiB of headers (gRPC's default in C, and with it in Python and
/// others) returns RESOURCE_EXHAUSTED or INTERNAL in place of the error. In a header everything that is not printable
/// ASCII takes three bytes a byte (gRPC over HTTP2, "Percent-Byte-Encoded").
enum StatusText {
    /// The most bytes that it takes in the header: half of the room, the rest is for other headers.
    static let limit = 4096

    /// The text, or as much of it as there is room for, whole characters, and "…".
    static func bounded(_ text: String) -> String {
        var (room, end) = (limit, text.startIndex)
        // Where it would still end if "…" had to follow.
        var endBeforeMark = end
        for index in text.indices {
            let next = text.index(after: index)
            room -= text.utf8[index..<next].reduce(0) { $0 + size(of: $1) }
            if room >= sizeOfMark { endBeforeMark = next }
            guard room >= 0 else { return text[..<endBeforeMark] + "…" }
            end = next
        }
        return text
    }

    private static func size(of byte: UInt8) -> Int {
        (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "%") ? 1 : 3
    }

    private static let sizeOfMark = "…".utf8.reduce(0) { $0 + size(of: $1) }
}
