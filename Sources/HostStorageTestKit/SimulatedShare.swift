// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// A share of a simulated SMB server.
struct SimulatedShare: Sendable {
    /// Passwords by user name.
    var accounts: [String: Secret]
    var admitsGuests: Bool
    var encrypts: Bool
    /// Whether its server answers.
    var isReachable = true
    var files = Node.emptyDirectory

    func admits(_ credentials: SMBCredentials?) -> Bool {
        guard let credentials else { return admitsGuests }
        return accounts[credentials.name] == credentials.password
    }
}

/// A share that the simulated host has mounted.
struct SimulatedMapping: Sendable {
    struct Key: Sendable, Hashable {
        let share: SMBShare
        /// Nil for a guest.
        let user: String?
    }

    let place: Place
    var credentials: SMBCredentials?
    var users = SMBUsers()
}

extension SimulatedHost {
    /// Whether the mount can be read: a server that is away or has another password by now refuses access.
    func isUsable(_ key: SimulatedMapping.Key) -> Bool {
        guard let mapping = mappings[key], let share = shares[key.share] else { return false }
        return mounts[mapping.place] == .share(key) && share.isReachable && share.admits(mapping.credentials)
    }

    /// Fails as a mount of the share would.
    func requireAdmittance(
        to name: SMBShare, _ credentials: SMBCredentials?, requiringEncryption: Bool
    ) throws(StorageError) -> SimulatedShare {
        guard let share = shares[name] else { throw StorageError(.notFound, "there is no share \(name)") }
        guard share.isReachable else { throw StorageError(.unavailable, "\(name.server) does not answer") }
        guard share.encrypts && credentials != nil || !requiringEncryption else {
            throw StorageError(
                .denied,
                share.encrypts ? "what a guest sends cannot be encrypted" : "\(name.server) offers no encryption")
        }
        guard share.admits(credentials) else {
            throw StorageError(.denied, "\(name.server) refuses \(credentials?.name ?? "guests")")
        }
        return share
    }

    /// Looks which links to the share are gone.
    mutating func updateUsers(of share: SMBShare) throws(StorageError) {
        for (key, mapping) in mappings where key.share == share {
            var users = mapping.users
            try users.update { link throws(StorageError) in
                if case .link? = self[Place(text: link)] { false } else { true }
            }
            mappings[key]?.users = users
        }
    }

    /// Takes a mapping away.
    mutating func unmap(_ key: SimulatedMapping.Key) {
        guard let place = mappings.removeValue(forKey: key)?.place else { return }
        mounts[place] = nil
        files[place[...]] = nil
    }
}
