// SPDX-License-Identifier: Apache-2.0

extension Host {
    public func mapShare(
        _ remote: SMBRemotePath, linkedAt link: String?, as credentials: SMBCredentials?
    ) async throws(StorageError) {
        let name = "map share"
        var subject = "\(remote) as \(credentials?.name ?? "guest")"
        var keys: Set<LockKey> = [.share(remote.share)]
        var place: HostPath?
        if let link {
            let resolved = try resolve(link, for: name)
            try refuseRoot(resolved, for: name)
            subject += " at \(resolved)"
            keys.insert(key(of: resolved))
            place = resolved
        }
        // What tells two passwords apart must not stand in the subject, so no call takes another's outcome.
        try await change(name, subject, keys: keys, isShared: false) { [place] backend throws(StorageError) in
            try await backend.mapShare(remote, linkedAt: place, as: credentials)
        }
    }

    public func unmapShare(_ remote: SMBRemotePath) async throws(StorageError) {
        // Each call takes a user away.
        try await change("unmap share", "\(remote)", keys: [.share(remote.share)], isShared: false) {
            backend throws(StorageError) in
            try await backend.unmapShare(remote)
        }
    }
}
