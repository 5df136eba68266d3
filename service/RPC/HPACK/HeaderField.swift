// SPDX-License-Identifier: Apache-2.0

/// A field of a header block.
package struct HeaderField: Sendable, Hashable {
    package var name: FieldName
    /// Its name and value as text; empty where a decoder keeps no others than those that it knows.
    package var text: [UInt8]
    package var value: [UInt8]
    /// As RFC 7541 counts it: name, value and 32. It must be exact, or the peer's table and ours drift apart.
    package var size: Int
    var nameLength: Int
    /// A value with CR, LF or NUL, which is no value in HTTP/2 (RFC 9113, section 8.2.1).
    package var isValueMalformed = false
}
