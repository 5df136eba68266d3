// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

extension ConfinedPathResolver {
    /// How often the walk restarts while links on the way are changed.
    private static let maximumAttempts = 16

    /// The place that `path` leads to when links are followed. Every link on the way must lead beneath a root; the
    /// result has no link in it, unless another process makes one there meanwhile, which ``open(_:_:)`` then refuses.
    func resolvingSymlinks(_ path: HostPath) throws(StorageError) -> HostPath {
        try settled("\(path)") { () throws(StorageError) in
            var walk = LinkWalk(self, from: path)
            return try walk.finish()
        }
    }

    /// Opens the target of `path`, with links followed.
    func openFollowing(_ path: HostPath, _ flags: Int32) throws(StorageError) -> Descriptor {
        let opened = try settled("\(path)") { () throws(StorageError) -> OpenDirectory in
            var walk = LinkWalk(self, from: path)
            return OpenDirectory(try open(walk.finish(), flags))
        }
        // A copy is the caller's own.
        return Descriptor(owning: try checkErrno(fcntl(opened.descriptor.raw, F_DUPFD_CLOEXEC, 0), "fcntl", "\(path)"))
    }

    /// Whether the text of the link at `path` names something that is there; nil where there is no link. The links in
    /// the text's directories are followed, a link that it names itself exists, wherever it leads.
    func targetExists(ofLinkAt path: HostPath) throws(StorageError) -> Bool? {
        try settled("\(path)") { () throws(StorageError) -> Bool? in
            let (parent, name) = try openParent(of: path)
            guard let text = try parent.descriptor.linkTextIfLink(of: name, "\(path)") else { return nil }
            do throws(StorageError) {
                var walk = LinkWalk(self, from: path.parent ?? path, text: text)
                let place = try walk.finish()
                guard !place.isRoot else { return try open(place, cls_O_PATH).status("\(place)").isDirectory }
                let (directory, last) = try openParent(of: place)
                _ = try directory.descriptor.status(of: last, "\(place)")
                return true
            } catch  where error.code == .notFound || error.isSystemCall(errno: ENOTDIR) {
                // Below a file there is nothing.
                return false
            }
        }
    }

    /// Does `work` again as long as it meets a link where there was none. A missing name may have been behind a link
    /// that leads elsewhere by now, so it is looked up a second time.
    private func settled<Value>(
        _ subject: String, _ work: () throws(StorageError) -> Value
    ) throws(StorageError) -> Value {
        var wasMissing = false
        for _ in 0..<Self.maximumAttempts {
            do throws(StorageError) {
                return try work()
            } catch {
                let isMissing = error.code == .notFound && !wasMissing
                guard isMissing || error.isSystemCall(errno: ELOOP) && !error.isOfTooManyLinks else { throw error }
                wasMissing = wasMissing || isMissing
            }
        }
        throw .changing(subject)
    }
}

/// The way to a place name by name, as the kernel goes it: a ".." leads to the parent of the directory that the names
/// before it have led to, also where the text of a link suggests another.
///
/// Outside of the roots and of the call's confinement nothing is looked up: names there are taken as they are written,
/// and a ".." behind one that was not looked up is refused.
private struct LinkWalk {
    private let resolver: ConfinedPathResolver
    private let confinement: CallConfinement?
    private let subject: String
    /// From the host's root on; no link among those that were looked up.
    private var names: [String]
    /// Whether all of them are known to be the way as the kernel has it.
    private var isKnown = true
    /// The names still to follow, the next one last.
    private var rest: [String]
    private var links = 0
    private let followsLast: Bool

    init(_ resolver: ConfinedPathResolver, from path: HostPath) {
        self.resolver = resolver
        confinement = path.confinement
        subject = "\(path)"
        names = Self.names(of: path.root)
        rest = path.components.reversed()
        followsLast = true
    }

    /// - Parameter directory: the directory of the link, a place without links.
    init(_ resolver: ConfinedPathResolver, from directory: HostPath, text: String) {
        self.resolver = resolver
        confinement = directory.confinement
        subject = "\(directory)"
        names = Self.names(of: directory.hostPath)
        rest = []
        followsLast = false
        take(text)
    }

    private static func names(of path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
    }

    /// Goes on with the text of a link in the directory of `names`.
    private mutating func take(_ text: String) {
        if text.utf8.first == UInt8(ascii: "/") {
            names = []
            isKnown = true
        }
        rest += Self.names(of: text).reversed()
    }

    mutating func finish() throws(StorageError) -> HostPath {
        while let name = rest.popLast() {
            switch name {
            case ".": continue
            case "..": try climb()
            default: try step(name)
            }
        }
        return try resolver.onDiskName(place())
    }

    private func place() throws(StorageError) -> HostPath {
        let place = try resolver.policy.place(hostNames: names)
        // Mapping a share makes a link to it, which shows no more than whether the share is there.
        return place.confined(to: !followsLast && resolver.policy.isOfShares(place) ? nil : confinement)
    }

    private mutating func climb() throws(StorageError) {
        let outside = StorageError(
            .denied, "path: a link leads by \"..\" through what is not within the working directories", subject: subject
        )
        guard isKnown else { throw confinement == nil ? outside : .outsideConfinement(subject) }
        guard !names.isEmpty else { return }
        // The way to a root may have links of the operator's; from there on text does not determine the parent.
        if let place = try? resolver.policy.place(hostNames: names), place.isRoot,
            resolver.policy.place(ofInnerRoot: place.root) == nil
        {
            let root = cls_openat2(
                AT_FDCWD, place.root, UInt64(UInt32(bitPattern: cls_O_PATH)), CLS_RESOLVE_NO_SYMLINKS)
            guard root >= 0 else { throw outside }
            close(root)
        }
        // ".." of a file is nowhere (path_resolution(7)).
        if let place = try? place(), !place.isRoot { _ = try resolver.open(place, cls_O_PATH | O_DIRECTORY) }
        names.removeLast()
    }

    private mutating func step(_ name: String) throws(StorageError) {
        names.append(name)
        guard let place = try? place(), resolver.policy.isConfinable(place) else {
            isKnown = false
            return
        }
        if place.isRoot {
            isKnown = true
            return
        }
        let actual = try resolver.onDiskName(place)
        let text: String?
        do throws(StorageError) {
            let (parent, last) = try resolver.openParent(of: actual)
            if rest.isEmpty, !followsLast { return isKnown = true }
            text = try parent.descriptor.linkTextIfLink(of: last, "\(actual)")
        } catch {
            // The names between a root of the host and the call's confinement are hidden from the caller.
            if !isKnown, confinement != nil, error.isSystemCall(errno: ELOOP) { throw .outsideConfinement(subject) }
            throw error
        }
        names = Self.names(of: actual.hostPath)
        isKnown = true
        guard let text else { return }
        links += 1
        // As many as the kernel itself follows (path_resolution(7)).
        guard links <= 40 else { throw .tooManyLinks(subject) }
        names.removeLast()
        take(text)
    }
}

extension StorageError {
    fileprivate static func tooManyLinks(_ subject: String) -> StorageError {
        StorageError(errno: ELOOP, "readlink", subject)
    }

    /// Links that lead to each other: a second look would find the same.
    fileprivate var isOfTooManyLinks: Bool {
        if case .systemCall("readlink", ELOOP, _) = cause { true } else { false }
    }
}
