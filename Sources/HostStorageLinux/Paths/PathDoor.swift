// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Turns a ``HostPath`` into an open descriptor beneath its root.
///
/// The kernel resolves the whole path below the root's descriptor without following any link
/// (openat2(2), RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS, Linux 5.6). From there on
/// callers work on the descriptor; nobody resolves the text again.
struct PathDoor: Sendable {
    let policy: PathPolicy

    /// Opens what is at `path`. `flags` as for open(2); O_NOFOLLOW is implied.
    func open(_ path: HostPath, _ flags: Int32) throws(StorageError) -> Descriptor {
        let root = try Descriptor(opening: path.root, cls_O_PATH | O_DIRECTORY)
        return try root.openBeneath(path.isRoot ? "." : path.components.joined(separator: "/"), flags, "\(path)")
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
        var path = path
        // As many as the kernel itself follows (path_resolution(7)).
        for _ in 0..<40 {
            guard let next = try firstLink(of: path) else { return path }
            path = next
        }
        throw StorageError(errno: ELOOP, "readlink", "\(path)")
    }

    /// The text of the link at `path`, as a place beneath a root; nil where it is no link.
    func linkTarget(of path: HostPath) throws(StorageError) -> HostPath? {
        guard !path.isRoot else { return nil }
        let (parent, name) = try openParent(of: path)
        guard try parent.descriptor.status(of: name, "\(path)").isLink else { return nil }
        let text = try parent.descriptor.linkText(of: name, "\(path)")
        let absolute = text.hasPrefix("/") ? text : "\(path.parent?.description ?? "")/\(text)"
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
                return try policy.place(hostPath: ([target.description] + rest).joined(separator: "/"))
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

/// A directory that can be handed on. A plain ``Descriptor`` cannot be part of a tuple.
final class OpenDirectory: Sendable {
    let descriptor: Descriptor
    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
}

extension Descriptor {
    /// Opens a path beneath this directory without following a link.
    func openBeneath(
        _ path: String, _ flags: Int32, crossingMounts: Bool = true, _ subject: String
    ) throws(StorageError) -> Descriptor {
        let resolve =
            CLS_RESOLVE_BENEATH | CLS_RESOLVE_NO_SYMLINKS | CLS_RESOLVE_NO_MAGICLINKS
            | (crossingMounts ? 0 : CLS_RESOLVE_NO_XDEV)
        // EAGAIN: something was renamed on the way and the kernel could not be sure (openat2(2)).
        for _ in 0..<128 {
            let result = cls_openat2(raw, path, UInt64(UInt32(bitPattern: flags)), resolve)
            if result != -EAGAIN { return Descriptor(owning: try check(result, "openat2", subject)) }
        }
        throw StorageError(errno: EAGAIN, "openat2", subject)
    }

    /// The text of the link `name` in this directory.
    func linkText(of name: String, _ subject: String) throws(StorageError) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = try checkErrno(readlinkat(raw, name, &buffer, buffer.count), "readlinkat", subject)
        return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

extension StorageError {
    func isSystemCall(errno code: Int32) -> Bool {
        if case .systemCall(_, code, _) = cause { true } else { false }
    }
}
