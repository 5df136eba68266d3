// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// The users of each mapping, in a file of the state directory, so that it outlives the process. No secret is in it.
struct ShareRecords: Sendable {
    private let directory: String
    private let boot: String
    /// No name ends like this (``ShareMapping/directories``).
    private static let unfinished = "%new"

    init(stateDirectory: String) throws(StorageError) {
        directory = "\(stateDirectory)/shares"
        boot = try ProcFS.bootID()
    }

    /// All mappings on record.
    func all() throws(StorageError) -> [ShareMapping] {
        var mappings: [ShareMapping] = []
        for server in try Sysfs.names(in: directory) {
            for share in try Sysfs.names(in: path([server])) {
                mappings += try owners(in: [server, share]).compactMap {
                    ShareMapping(directories: [server, share, $0])
                }
            }
        }
        return mappings
    }

    /// The mappings of a share that have users, or had them in an earlier boot.
    func mappings(of share: SMBShare) throws(StorageError) -> [ShareMapping] {
        try owners(in: ShareMapping.directories(of: share)).map { ShareMapping(share, owner: $0) }
    }

    private func owners(in directories: [String]) throws(StorageError) -> [String] {
        try Sysfs.names(in: path(directories)).filter { !$0.hasSuffix(Self.unfinished) }.sorted()
    }

    /// Nil where there is no record, or an unreadable one: then the users of the mapping are unknown.
    func users(of mapping: ShareMapping) throws(StorageError) -> SMBUsers? {
        guard let text = try StateFile.read(path(mapping.directories)) else { return nil }
        let lines = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = lines.first, first.hasPrefix("boot="),
            var users = SMBUsers(text: String(lines.dropFirst().first ?? ""))
        else { return nil }
        if first.dropFirst("boot=".count) != boot { users.keepLinksOnly() }
        return users
    }

    func set(_ users: SMBUsers, of mapping: ShareMapping) throws(StorageError) {
        try makeDirectories(path(mapping.directories.dropLast()))
        try StateFile.write(
            "boot=\(boot)\n\(users.text)", to: path(mapping.directories), unfinished: Self.unfinished)
    }

    func remove(_ mapping: ShareMapping) throws(StorageError) {
        try removeFile(path(mapping.directories))
        // As far up as nothing else is on record.
        for count in [2, 1] where rmdir(self.path(mapping.directories.prefix(count))) < 0 { return }
    }

    private func path(_ names: some Sequence<String>) -> String { ([directory] + names).joined(separator: "/") }
}

extension SMBUsers {
    /// One `key=value` a line, to be kept in a file: a remote path, and its users. No path of either kind holds a line
    /// break.
    var text: String {
        var lines = hasUnknown ? ["unknown=1"] : []
        for (remote, users) in users.sorted(by: { $0.key.description < $1.key.description }) {
            lines.append("remote=\(remote)")
            if users.isUnlinked { lines.append("unlinked=1") }
            if users.departures > 0 { lines.append("departures=\(users.departures)") }
            lines += users.links.sorted().map { "link=\($0)" }
            lines += users.gone.sorted().map { "gone=\($0)" }
        }
        return lines.map { "\($0)\n" }.joined()
    }

    /// Nil where the text is none of ``text``.
    init?(text: String) {
        self.init()
        var current: SMBRemotePath?
        for line in text.lines {
            guard let (key, text) = line.keyAndValue else { return nil }
            let value = String(text)
            if key == "unknown" {
                hasUnknown = true
                continue
            }
            if key == "remote" {
                guard let remote = try? SMBRemotePath(value) else { return nil }
                users[remote] = Users()
                current = remote
                continue
            }
            guard let remote = current else { return nil }
            switch key {
            case "unlinked": users[remote]?.isUnlinked = true
            case "departures":
                guard let count = Int(value), count >= 0 else { return nil }
                users[remote]?.departures = count
            case "link": users[remote]?.links.insert(value)
            case "gone": users[remote]?.gone.insert(value)
            default: return nil
            }
        }
    }
}
