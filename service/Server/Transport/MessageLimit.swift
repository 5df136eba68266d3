// SPDX-License-Identifier: Apache-2.0

import GRPCCore

/// The greatest message that is taken, gRPC's customary 4 MiB.
enum MessageLimit {
    static let bytes = 4 << 20
}

/// Refuses greater messages with a status that says so.
struct LimitedDeserializer<Base: MessageDeserializer>: MessageDeserializer {
    private let base: Base

    init(_ base: Base) { self.base = base }

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> Base.Message {
        let size = bytes.withUnsafeBytes { $0.count }
        guard size <= MessageLimit.bytes else {
            throw RPCError(
                code: .resourceExhausted, message: "a message of \(size) bytes exceeds \(MessageLimit.bytes)")
        }
        return try base.deserialize(bytes)
    }
}
