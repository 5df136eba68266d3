// SPDX-License-Identifier: Apache-2.0

import NIOCore
import RPC

/// What holds of every header block: it is read or refused, the table keeps to its size, and a decoder that keeps no
/// others than known fields agrees with one that keeps all.
enum BlockInvariants {
    static func check(_ bytes: ArraySlice<UInt8>) {
        var all = HeaderDecoder(keepsOthers: true)
        var known = HeaderDecoder(keepsOthers: false)
        // Several blocks, as a connection has them: each begins with its length.
        var rest = bytes
        while let length = rest.popFirst() {
            let block = ByteBuffer(bytes: rest.prefix(Int(length)))
            rest = rest.dropFirst(Int(length))
            var (fields, sizes) = ([HeaderField](), [Int]())
            let isRead = all.decode(block, limit: 1 << 16) { fields.append($0) }
            precondition(known.decode(block, limit: 1 << 16) { sizes.append($0.size) } == isRead, "they differ")
            precondition(fields.map(\.size) == sizes, "the sizes differ")
            precondition(all.tableState == known.tableState && all.tableState.size <= 4096, "\(all.tableState)")
            for field in fields {
                precondition(field.size == 32 + field.text.count + field.value.count, "\(field)")
                precondition(FieldName(field.text) == field.name, "\(field)")
            }
            guard isRead else { return }
        }
    }
}
