// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// Reads header blocks (RFC 7541).
package struct HeaderDecoder {
    /// The size of the dynamic table, the one that HTTP/2 begins with; it is announced to no peer.
    static let tableSize = 4096

    /// Whether names and values that gRPC does not look at are kept. A server keeps none.
    private let keepsOthers: Bool
    /// Oldest first.
    private var table: [HeaderField] = []
    /// How many at its beginning are no longer in the table.
    private var evicted = 0
    /// The sizes of the fields in the table.
    private var bytes = 0
    private var limit = HeaderDecoder.tableSize

    package init(keepsOthers: Bool) { self.keepsOthers = keepsOthers }

    /// How many fields the dynamic table holds, and their sizes.
    package var tableState: (count: Int, size: Int) { (table.count - evicted, bytes) }

    /// - Parameter limit: Fields are emitted until their sizes exceed it. The rest is read all the same, for the table.
    /// - Returns: False where the block is malformed; the connection then cannot go on.
    package mutating func decode(_ block: ByteBuffer, limit: Int, _ emit: (HeaderField) -> Void) -> Bool {
        let bytes = block.readableBytesUInt8Span
        var at = 0
        var resizes = 0
        var size = 0
        var hasFields = false
        while at < bytes.count {
            let first = bytes[at]
            if first & 0xe0 == 0x20 {
                // Before the fields, and twice at most (RFC 7541, section 4.2).
                resizes += 1
                guard !hasFields, resizes <= 2, let new = Self.integer(5, in: bytes, at: &at), new <= Self.tableSize
                else { return false }
                self.limit = new
                evict(for: 0)
                continue
            }
            hasFields = true
            let field: HeaderField
            if first & 0x80 != 0 {
                guard let index = Self.integer(7, in: bytes, at: &at), let indexed = self.field(index) else {
                    return false
                }
                field = indexed
            } else {
                guard let literal = literal(first, in: bytes, at: &at) else { return false }
                field = literal
                if first & 0x40 != 0 { insert(field) }
            }
            if size <= limit {
                size += field.size
                emit(field)
            }
        }
        return true
    }

    private func literal(_ first: UInt8, in bytes: Span<UInt8>, at: inout Int) -> HeaderField? {
        guard let index = Self.integer(first & 0x40 != 0 ? 6 : 4, in: bytes, at: &at) else { return nil }
        var field: HeaderField
        if index > 0 {
            guard let named = self.field(index) else { return nil }
            field = HeaderField(name: named.name, text: named.text, value: [], size: 0, nameLength: named.nameLength)
        } else {
            guard let text = Self.string(in: bytes, at: &at) else { return nil }
            field = HeaderField(
                name: FieldName(text), text: keepsOthers ? text : [], value: [], size: 0, nameLength: text.count)
        }
        guard let value = Self.string(in: bytes, at: &at) else { return nil }
        field.size = 32 + field.nameLength + value.count
        field.isValueMalformed = value.contains { $0 == 0 || $0 == 10 || $0 == 13 }
        if keepsOthers || field.name != .other { field.value = value }
        return field
    }

    private func field(_ index: Int) -> HeaderField? {
        if index <= StaticTable.fields.count { return index == 0 ? nil : StaticTable.fields[index - 1] }
        let position = table.count - (index - StaticTable.fields.count)
        return position >= evicted ? table[position] : nil
    }

    private mutating func insert(_ field: HeaderField) {
        evict(for: field.size)
        guard field.size <= limit else { return }
        table.append(field)
        bytes += field.size
    }

    private mutating func evict(for size: Int) {
        while evicted < table.count, bytes + size > limit {
            bytes -= table[evicted].size
            (table[evicted].text, table[evicted].value) = ([], [])
            evicted += 1
        }
        if evicted > 64 {
            table.removeFirst(evicted)
            evicted = 0
        }
    }

    /// RFC 7541, section 5.1: 28 bits at most.
    private static func integer(_ prefix: UInt8, in bytes: Span<UInt8>, at: inout Int) -> Int? {
        guard at < bytes.count else { return nil }
        let mask = Int(1) << Int(prefix) - 1
        var value = Int(bytes[at]) & mask
        at += 1
        guard value == mask else { return value }
        for shift in stride(from: 0, through: 21, by: 7) {
            guard at < bytes.count else { return nil }
            let next = bytes[at]
            at += 1
            value += Int(next & 0x7f) << shift
            if next & 0x80 == 0 { return value }
        }
        return nil
    }

    /// RFC 7541, section 5.2.
    private static func string(in bytes: Span<UInt8>, at: inout Int) -> [UInt8]? {
        guard at < bytes.count else { return nil }
        let isCoded = bytes[at] & 0x80 != 0
        guard let length = integer(7, in: bytes, at: &at), length <= bytes.count - at else { return nil }
        defer { at += length }
        if isCoded { return Huffman.decode(bytes, at..<at + length) }
        var text: [UInt8] = []
        text.reserveCapacity(length)
        for position in at..<at + length { text.append(bytes[position]) }
        return text
    }
}
