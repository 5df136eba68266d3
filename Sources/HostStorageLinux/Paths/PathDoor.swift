// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Turns a ``HostPath`` into an open descriptor beneath its root.
///
/// Below the root's descriptor no link is followed, by the kernel's word or by a walk (``Resolution``).
/// From there on callers work on the descriptor; nobody resolves the text again.
struct PathDoor: Sendable {
    let policy: PathPolicy
    var resolution = Resolution.available

    /// Opens what is at `path`. `flags` as for open(2); O_NOFOLLOW is implied.
    func open(_ path: HostPath, _ flags: Int32) throws(StorageError) -> Descriptor {
        try resolution.open(path.components, beneath: openRoot(path.root), flags, "\(path)")
    }

    /// Opens a root. The way to it is the operator's word and followed as it stands; but where it lies
    /// within another root, callers rule on the way, and it is opened beneath that one.
    func openRoot(_ root: String) throws(StorageError) -> Descriptor {
        guard let place = policy.place(ofInnerRoot: root) else {
            return try Descriptor(opening: root, cls_O_PATH | O_DIRECTORY)
        }
        return try open(place, cls_O_PATH | O_DIRECTORY)
    }

    /// Opens the directory that holds `path`, for calls that take a directory and a name.
    func openParent(of path: HostPath) throws(StorageError) -> (directory: OpenDirectory, name: String) {
        guard let parent = path.parent, let name = path.name else {
            throw StorageError(.denied, "a working directory itself stays as it is", subject: "\(path)")
        }
        return (OpenDirectory(try open(parent, cls_O_PATH | O_DIRECTORY)), name)
    }

    /// The place that `path` leads to when links are followed. Every link on the way must lead beneath a
    /// root; the result has no link in it, unless somebody puts one there meanwhile, which ``open(_:_:)``
    /// then refuses.
    func following(_ path: HostPath) throws(StorageError) -> HostPath {
        var path = try actual(path)
        // As many as the kernel itself follows (path_resolution(7)).
        for _ in 0..<40 {
            guard let next = try firstLink(of: path) else { return path }
            path = try actual(next)
        }
        throw StorageError(errno: ELOOP, "readlink", "\(path)")
    }

    /// The text of the link at `path`, as a place beneath a root; nil where it is no link.
    func linkTarget(of path: HostPath) throws(StorageError) -> HostPath? {
        guard !path.isRoot else { return nil }
        let (parent, name) = try openParent(of: path)
        guard try parent.descriptor.status(of: name, "\(path)").isLink else { return nil }
        let text = try parent.descriptor.linkText(of: name, "\(path)")
        let absolute = text.hasPrefix("/") ? text : "\(path.parent?.hostPath ?? "")/\(text)"
        return try policy.place(hostPath: Self.withoutDots(absolute))
    }

    /// `path` with its first link replaced by what it leads to; nil where it has none.
    private func firstLink(of path: HostPath) throws(StorageError) -> HostPath? {
        do throws(StorageError) {
            _ = try open(path, cls_O_PATH)
            return nil
        } catch  where error.isSystemCall(errno: ELOOP) {}
        var walked = path
        var rest: [String] = []
        // The last link that has none before it: everything above opens.
        while let parent = walked.parent, let name = walked.name {
            if (try? open(parent, cls_O_PATH | O_DIRECTORY)) != nil, let target = try linkTarget(of: walked) {
                return try policy.place(hostPath: ([target.hostPath] + rest).joined(separator: "/"))
            }
            rest.insert(name, at: 0)
            walked = parent
        }
        throw StorageError(errno: ELOOP, "openat2", "\(path)")
    }

    /// Takes "." and ".." out of a path whose directories are no links, so that text alone decides.
    private static func withoutDots(_ path: String) -> String {
        var names: [Substring] = []
        for part in path.utf8.split(separator: UInt8(ascii: "/")).map(Substring.init) {
            switch part {
            case ".": continue
            case "..": _ = names.popLast()
            default: names.append(part)
            }
        }
        return "/" + names.joined(separator: "/")
    }
}

extension StorageError {
    func isSystemCall(errno code: Int32) -> Bool {
        if case .systemCall(_, code, _) = cause { true } else { false }
    }
}
