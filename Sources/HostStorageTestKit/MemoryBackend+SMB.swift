// SPDX-License-Identifier: Apache-2.0

public import HostStorage

extension MemoryBackend {
    public func mapShare(
        _ remote: SMBRemotePath, linkedAt link: HostPath?, as credentials: SMBCredentials?
    ) throws(StorageError) {
        let root = settings.paths.shareDirectory
        try simulate { host throws(StorageError) in
            try host.updateUsers(of: remote.share)
            if let link { try host.requireRoomForLink(at: link) }
            let key = SimulatedMapping.Key(share: remote.share, user: credentials?.name)
            if !host.isUsable(key) || host.mappings[key]?.credentials != credentials {
                let share = try host.requireAdmittance(
                    to: remote.share, credentials, requiringEncryption: settings.requiresSMBEncryption)
                guard share.files[remote.place[...]] != nil else {
                    throw StorageError(.notFound, "there is no \(remote)")
                }
                host.mount(key, credentials, beneath: Place(text: root))
            }
            guard let mapping = host.mappings[key], host[mapping.place + remote.place] != nil else {
                throw StorageError(.notFound, "there is no \(remote)")
            }
            host.mappings[key]?.users.add(remote, link: link)
            if let link { host[Place(link)] = .link((mapping.place + remote.place).text) }
        }
    }

    public func unmapShare(_ remote: SMBRemotePath) throws(StorageError) {
        try simulate { host throws(StorageError) in
            try host.updateUsers(of: remote.share)
            let keys = host.mappings.keys.filter { $0.share == remote.share }
            let isUser = keys.contains { key in
                host.mappings[key]?.users.leave(remote) == true
                    || host.mappings[key]?.users.isEmpty == true && host.mappings[key]?.users.knows(remote) == true
            }
            guard isUser else { throw StorageError(.notFound, "\(remote) is not mapped") }
            for key in keys where host.mappings[key]?.users.isEmpty == true { host.unmap(key) }
        }
    }
}

extension SMBRemotePath {
    /// The directory from the share's root on.
    fileprivate var place: Place { directories.map { FileName($0) } }
}

extension SimulatedHost {
    fileprivate func requireRoomForLink(at link: HostPath) throws(StorageError) {
        let place = try locate(link)
        guard self[place] == nil else { throw StorageError(.alreadyExists, "\(place.text) exists") }
        guard self[Place(place.dropLast())] != nil else {
            throw StorageError(.notFound, "the directory of \(place.text) does not exist")
        }
    }

    /// Mounts a share below a root, so that links to it lead within the root, or mounts it anew.
    fileprivate mutating func mount(
        _ key: SimulatedMapping.Key, _ credentials: SMBCredentials?, beneath root: Place
    ) {
        let user = key.user?.replacing("\\", with: "+") ?? "%guest"
        let place = root + [key.share.server, key.share.name, user].map { FileName($0) }
        for count in root.count...place.count where files[place[..<count]] == nil {
            files[place[..<count]] = .emptyDirectory
        }
        var mapping = mappings[key] ?? SimulatedMapping(place: place)
        mapping.credentials = credentials
        mappings[key] = mapping
        mounts[place] = .share(key)
    }
}
