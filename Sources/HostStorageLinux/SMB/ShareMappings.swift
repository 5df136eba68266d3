// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage
import Logging
import Synchronization

/// The shares that this host has mounted, and their users.
///
/// Mappings are mounted beneath a root of the host, so that a link to one leads within the roots, and so that
/// containers with the kubelet's directory mounted see its target. The kernel's mount table shows which are mounted,
/// and ``ShareRecords`` have their users; passwords are known to this process alone.
///
/// Everything here sleeps in the kernel or waits for a server: to be used in the share's queue.
final class ShareMappings: Sendable {
    private let resolver: ConfinedPathResolver
    private let root: String
    private let records: ShareRecords
    private let requiresEncryption: Bool
    private let logger: Logger
    /// Held while directories are made or removed that several shares have in common.
    private let directories = Mutex(())
    /// The credentials of each mapping's last mount. Nil for a guest.
    private let known = Mutex<[ShareMapping: SMBCredentials?]>([:])

    /// - Parameter resolver: mappings go beneath its first root.
    init(resolver: ConfinedPathResolver, stateDirectory: String, requiresEncryption: Bool, logger: Logger)
        throws(StorageError)
    {
        self.resolver = resolver
        root = resolver.policy.shareDirectory
        records = try ShareRecords(stateDirectory: stateDirectory)
        self.requiresEncryption = requiresEncryption
        self.logger = logger
    }

    // MARK: - Mapping

    func map(
        _ remote: SMBRemotePath, linkedAt link: HostPath?, as credentials: SMBCredentials?
    ) throws(StorageError) {
        let room: (directory: OpenDirectory, name: String)? = if let link { try room(for: link) } else { nil }
        let mapping = ShareMapping(remote.share, as: credentials)
        let place = try place(of: mapping)
        var before = try upToDateUsers(of: mapping)
        if before == nil, try isMounted(place) { before = .unknown }

        let mount: Descriptor?
        if let mounted = try working(mapping, at: place, as: credentials) {
            try Self.require(remote, in: mounted)
            mount = nil
        } else {
            let request = ShareMount.Request(
                share: remote.share, credentials: credentials, isEncrypted: requiresEncryption)
            let detached = try ShareMount.detached(request)
            try Self.require(remote, in: detached)
            mount = consume detached
        }

        // On record before it is there: a mapping that is used is never taken away, and one that is there has a user.
        var users = before ?? SMBUsers()
        users.add(remote, link: link)
        try set(users, of: mapping)
        do throws(StorageError) {
            if let mount {
                try attach(mount, at: place)
                known.withLock { $0[mapping] = .some(credentials) }
            }
            guard let (directory, name) = room else { return }
            let target = ([place.hostPath] + remote.directories).joined(separator: "/")
            try checkErrno(symlinkat(target, directory.descriptor.raw, name), "symlinkat", "\(link?.description ?? "")")
        } catch {
            if let before { try set(before, of: mapping) } else { try takeAway(mapping) }
            throw error
        }
    }

    /// The directory and the name for a link, which nothing has yet.
    private func room(for link: HostPath) throws(StorageError) -> (OpenDirectory, String) {
        let (directory, name) = try resolver.openParent(of: resolver.onDiskName(link))
        do throws(StorageError) {
            _ = try directory.descriptor.status(of: name, "\(link)")
        } catch  where error.code == .notFound {
            return (directory, name)
        }
        throw StorageError(.alreadyExists, "something exists there", subject: "\(link)")
    }

    /// The root of the mapping if it is mounted with these credentials and its server answers; nil where it is to be
    /// mounted anew.
    private func working(
        _ mapping: ShareMapping, at place: HostPath, as credentials: SMBCredentials?
    ) throws(StorageError) -> Descriptor? {
        guard try isMounted(place), let last = known.withLock({ $0[mapping] }), last == credentials else { return nil }
        // By a connection that is given up after seconds; the kernel gives its own up after minutes.
        _ = try ServerAddress.find(mapping.share.server)
        guard let top = try? resolver.open(place, O_RDONLY | O_DIRECTORY) else { return nil }
        var answer = statvfs()
        if fstatvfs(top.raw, &answer) < 0 { return nil }
        return top
    }

    private func attach(_ mount: borrowing Descriptor, at place: HostPath) throws(StorageError) {
        let (directory, name) = try directories.withLock { _ throws(StorageError) in try makeDirectories(of: place) }
        try MountReplacement.put(mount, at: name, in: directory.descriptor, "\(place)")
    }

    private func makeDirectories(of place: HostPath) throws(StorageError) -> (OpenDirectory, String) {
        let all = try resolver.policy.place(hostPath: root)
        try DirectoryCreation.make(all, resolver)
        let top = try resolver.open(all, O_RDONLY | O_DIRECTORY)
        // A process that may enter it has the rights of all SMB users of the mounted shares.
        try checkErrno(fchmod(top.raw, 0o700), "fchmod", root)
        if try !isMounted(place) { try DirectoryCreation.make(place, resolver) }
        return try resolver.openParent(of: place)
    }

    private func set(_ users: SMBUsers, of mapping: ShareMapping) throws(StorageError) {
        try directories.withLock { _ throws(StorageError) in try records.set(users, of: mapping) }
    }

    /// Fails unless the directory is there.
    private static func require(_ remote: SMBRemotePath, in root: borrowing Descriptor) throws(StorageError) {
        do throws(StorageError) {
            _ = try Resolution.available.open(remote.directories, beneath: root, O_RDONLY | O_DIRECTORY, "\(remote)")
        } catch  where error.code == .notFound {
            throw StorageError(.notFound, "the share has no such directory", subject: "\(remote)")
        }
    }

    // MARK: - Unmapping

    func unmap(_ remote: SMBRemotePath) throws(StorageError) {
        var all: [(mapping: ShareMapping, users: SMBUsers)] = []
        for mapping in try records.mappings(of: remote.share) {
            if let users = try upToDateUsers(of: mapping) { all.append((mapping, users)) }
        }
        // One whose link is gone is the likelier one to be meant.
        all.sort { $0.users.awaitsDeparture(of: remote) && !$1.users.awaitsDeparture(of: remote) }
        for (mapping, users) in all {
            var users = users
            // Or all have left, and the last of their links has gone since.
            guard users.leave(remote) || users.isEmpty && users.knows(remote) else { continue }
            if users.isEmpty { try takeAway(mapping) } else { try set(users, of: mapping) }
            return
        }
        guard try hasUnrecordedMapping(of: remote.share) else {
            throw StorageError(.notFound, "it is not mapped", subject: "\(remote)")
        }
        logger.warning(
            "a share stays mounted: there is no record of its users", metadata: ["share": "\(remote.share)"])
    }

    func recorded() throws(StorageError) -> [ShareMapping] { try records.all() }

    /// Takes a mapping away that has no users any more, such as one whose links were removed after the calls.
    func removeIfUnused(_ mapping: ShareMapping) throws(StorageError) {
        if let users = try upToDateUsers(of: mapping), users.isEmpty { try takeAway(mapping) }
    }

    private func takeAway(_ mapping: ShareMapping) throws(StorageError) {
        let place = try place(of: mapping)
        if try isMounted(place) {
            let (directory, name) = try resolver.openParent(of: place)
            flush(place, mapping.share)
            while try MountReplacement.isMounted(name, in: directory.descriptor, "\(place)") {
                try MountReplacement.detach(name, in: directory.descriptor, "\(place)")
            }
        }
        known.withLock { $0[mapping] = nil }
        try directories.withLock { _ throws(StorageError) in
            try records.remove(mapping)
            removeDirectories(of: place)
        }
    }

    /// Writes unwritten data to a server that answers. Leaving the share mounted would repair no failure.
    private func flush(_ place: HostPath, _ share: SMBShare) {
        do throws(StorageError) {
            _ = try ServerAddress.find(share.server)
            let top = try resolver.open(place, O_RDONLY | O_DIRECTORY)
            try check(cls_syncfs(top.raw), "syncfs", "\(place)")
        } catch {
            logger.warning("a share is unmounted that does not answer: \(error)", metadata: ["share": "\(share)"])
        }
    }

    /// As far up as they are empty.
    private func removeDirectories(of place: HostPath) {
        var place = place
        for _ in 0..<4 {
            guard let (directory, name) = try? resolver.openParent(of: place),
                unlinkat(directory.descriptor.raw, name, AT_REMOVEDIR) == 0, let parent = place.parent
            else { return }
            place = parent
        }
    }

    // MARK: - What there is

    private func place(of mapping: ShareMapping) throws(StorageError) -> HostPath {
        try resolver.policy.place(hostPath: ([root] + mapping.directories).joined(separator: "/"))
    }

    private func isMounted(_ place: HostPath) throws(StorageError) -> Bool {
        do throws(StorageError) {
            let (directory, name) = try resolver.openParent(of: place)
            return try MountReplacement.isMounted(name, in: directory.descriptor, "\(place)")
        } catch  where error.code == .notFound {
            return false
        }
    }

    /// The users of the mapping, by the links that exist now. Nil where there is no record.
    private func upToDateUsers(of mapping: ShareMapping) throws(StorageError) -> SMBUsers? {
        guard var users = try records.users(of: mapping) else { return nil }
        let place = try place(of: mapping).hostPath
        try users.update { link throws(StorageError) in try isGone(link, leadingTo: place) }
        return users
    }

    private func isGone(_ link: String, leadingTo place: String) throws(StorageError) -> Bool {
        do throws(StorageError) {
            let (directory, name) = try resolver.openParent(of: try resolver.policy.place(hostPath: link))
            guard try directory.descriptor.status(of: name, link).isLink else { return true }
            let target = try directory.descriptor.linkText(of: name, link)
            return target != place && !target.hasPrefix("\(place)/")
        } catch  where error.code == .notFound {
            return true
        } catch {
            // A link that cannot be looked at, such as one outside of roots that were changed, counts as used.
            return false
        }
    }

    /// Whether the share is mounted here for a user without a record.
    private func hasUnrecordedMapping(of share: SMBShare) throws(StorageError) -> Bool {
        let directory = ([root] + ShareMapping.directories(of: share)).joined(separator: "/")
        for owner in try Sysfs.names(in: directory)
        where try records.users(of: ShareMapping(share, owner: owner)) == nil {
            if try isMounted(place(of: ShareMapping(share, owner: owner))) { return true }
        }
        return false
    }
}
