// SPDX-License-Identifier: Apache-2.0

/// Streams that this side has ended before the peer had said all: what still comes on them was on its way and is
/// ignored. On any other stream that has ended, nothing may come (RFC 9113, sections 5.1 and 5.1.1).
struct UnfinishedStreams {
    private static let most = 1_000

    private var ids: Set<UInt32> = []
    /// Of streams up to here it is not known any more.
    private var forgotten: UInt32 = 0

    mutating func insert(_ id: UInt32) {
        if ids.count >= Self.most {
            forgotten = max(forgotten, ids.max() ?? 0)
            ids = []
        }
        ids.insert(id)
    }

    /// The peer has said all on it.
    mutating func remove(_ id: UInt32) { if !ids.isEmpty { ids.remove(id) } }

    func contains(_ id: UInt32) -> Bool { id <= forgotten || ids.contains(id) }
}
