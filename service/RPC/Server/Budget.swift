// SPDX-License-Identifier: Apache-2.0

/// Bytes that may be held, within those of a wider budget. Confined to the server's event loop.
final class Budget {
    private(set) var held = 0
    private let limit: Int
    private let wider: Budget?

    init(_ limit: Int, within wider: Budget? = nil) { (self.limit, self.wider) = (limit, wider) }

    /// Takes room, in all of the budgets or none; a negative number gives it back.
    func take(_ bytes: Int) -> Bool {
        guard bytes <= 0 || held + bytes <= limit, wider?.take(bytes) ?? true else { return false }
        held += bytes
        return true
    }
}
