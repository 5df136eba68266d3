// SPDX-License-Identifier: Apache-2.0

/// The caller as a policy sees it: the user and all of its groups, at the time it connected.
public struct Caller: Sendable, Hashable, CustomStringConvertible {
    public var uid: UInt32
    /// The primary and the supplementary groups.
    public var gids: Set<UInt32>

    public init(uid: UInt32, gids: Set<UInt32>) {
        self.uid = uid
        self.gids = gids
    }

    public var description: String {
        let groups = gids.sorted().map(String.init).joined(separator: ", ")
        return groups.isEmpty ? "uid \(uid)" : "uid \(uid) of gid \(groups)"
    }
}
