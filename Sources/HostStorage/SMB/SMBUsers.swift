// SPDX-License-Identifier: Apache-2.0

/// Who uses a mapping, so that it goes with the last of them and not before.
///
/// A call that takes a user away names the remote path alone, and may come before or after the user's link is removed.
/// Where several links lead to one remote path it is not told which of them it is about, so such calls are only
/// counted: each stands for a link that is gone or is about to go. The mapping is in use while any remote path has more
/// users than departures.
public struct SMBUsers: Sendable, Equatable {
    private struct Users: Sendable, Equatable {
        var links: Set<HostPath> = []
        /// Whether it was mapped without a link.
        var isUnlinked = false
        /// Calls that took a user away whose link is still there.
        var departures = 0
        /// Links that are gone and that no call has taken away yet.
        var gone = 0

        var count: Int { links.count + (isUnlinked ? 1 : 0) }
    }

    private var users: [SMBRemotePath: Users] = [:]

    public init() {}

    /// Adds a user. One that is there already is back if it had left.
    public mutating func add(_ remote: SMBRemotePath, link: HostPath?) {
        var users = self.users[remote] ?? Users()
        let count = users.count
        if let link { users.links.insert(link) } else { users.isUnlinked = true }
        if users.count == count { users.departures = max(0, users.departures - 1) }
        self.users[remote] = users
    }

    /// Looks which links are gone.
    public mutating func update(isGone: (HostPath) throws(StorageError) -> Bool) throws(StorageError) {
        for (remote, known) in users {
            for link in known.links where try isGone(link) {
                users[remote]?.links.remove(link)
                if users[remote]?.departures ?? 0 > 0 {
                    users[remote]?.departures -= 1
                } else {
                    users[remote]?.gone += 1
                }
            }
        }
    }

    /// Takes one user of `remote` away; false where it has none.
    public mutating func leave(_ remote: SMBRemotePath) -> Bool {
        guard var users = users[remote] else { return false }
        if users.gone > 0 {
            users.gone -= 1
        } else if users.count > users.departures {
            users.departures += 1
        } else {
            return false
        }
        self.users[remote] = users
        return true
    }

    public var isEmpty: Bool { users.values.allSatisfy { $0.count <= $0.departures } }
}
