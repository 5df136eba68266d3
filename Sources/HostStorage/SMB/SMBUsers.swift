// SPDX-License-Identifier: Apache-2.0

/// The users of a mapping. The mapping goes with the last of them and not before.
///
/// A call that takes a user away names the remote path alone, and may come before or after the user's link is removed.
/// Where several links lead to one remote path, the call does not say which of them it means, so such calls are only
/// counted: each stands for a link that is gone or is about to go. The mapping is in use while any remote path has more
/// users than departures, or has several links: a repeated call must not remove the mapping of another user's link.
package struct SMBUsers: Sendable, Equatable {
    package struct Users: Sendable, Equatable {
        /// By their paths on the host.
        package var links: Set<String> = []
        /// Whether it was mapped without a link.
        package var isUnlinked = false
        /// Calls that took a user away whose link is still there.
        package var departures = 0
        /// Links that are gone and that no call has taken away yet. One that is made again is a user as before.
        package var gone: Set<String> = []

        package init(links: Set<String> = []) { self.links = links }

        var count: Int { links.count + (isUnlinked ? 1 : 0) }
    }

    package var users: [SMBRemotePath: Users] = [:]
    /// Whether there are users without a record.
    package var hasUnknown = false

    package init() {}

    /// The users of a mount without a record. They never leave.
    package static var unknown: SMBUsers {
        var users = SMBUsers()
        users.hasUnknown = true
        return users
    }

    /// Adds a user. One that is there already is back if it had left.
    package mutating func add(_ remote: SMBRemotePath, link: HostPath?) {
        var users = self.users[remote] ?? Users()
        let count = users.count
        if let link {
            users.links.insert(link.hostPath)
            users.gone.remove(link.hostPath)
        } else {
            users.isUnlinked = true
        }
        if users.count == count { users.departures = max(0, users.departures - 1) }
        self.users[remote] = users
    }

    /// Looks which links, by their paths on the host, are gone.
    package mutating func update(isGone: (String) throws(StorageError) -> Bool) throws(StorageError) {
        for (remote, known) in users {
            for link in known.links where try isGone(link) {
                users[remote]?.links.remove(link)
                if users[remote]?.departures ?? 0 > 0 {
                    users[remote]?.departures -= 1
                } else {
                    users[remote]?.gone.insert(link)
                }
            }
        }
    }

    /// Whether a link to `remote` is gone, so that the call that takes its user away is about to come.
    package func awaitsDeparture(of remote: SMBRemotePath) -> Bool { users[remote]?.gone.isEmpty == false }

    /// Whether `remote` has users, or had them.
    package func knows(_ remote: SMBRemotePath) -> Bool { users[remote] != nil }

    /// Takes one user of `remote` away; false where it has none.
    package mutating func leave(_ remote: SMBRemotePath) -> Bool {
        guard var users = users[remote] else { return false }
        if let link = users.gone.first {
            users.gone.remove(link)
        } else if users.count > users.departures {
            users.departures += 1
        } else {
            return false
        }
        self.users[remote] = users
        return true
    }

    /// Removes all users but the links: a user without a link, or about to leave, has ended with its machine.
    package mutating func keepLinksOnly() {
        users = users.mapValues { Users(links: $0.links) }.filter { !$0.value.links.isEmpty }
        hasUnknown = false
    }

    package var isEmpty: Bool {
        !hasUnknown && users.values.allSatisfy { $0.count <= $0.departures && $0.links.count <= 1 }
    }
}
