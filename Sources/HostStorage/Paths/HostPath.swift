// SPDX-License-Identifier: Apache-2.0

/// A place beneath one of the host's roots. Only a ``PathPolicy`` makes one, so its text has been checked. The backend
/// ensures that no link leads out of the root.
public struct HostPath: Sendable, Hashable, CustomStringConvertible {
    /// The root, an absolute path of the host without a separator at its end.
    public let root: String
    /// The names below the root. None is empty, "." or "..", none holds "/" or NUL.
    public let components: [String]
    /// The root as callers see it, in Windows spelling; nil where they see the host's own spelling.
    let windowsRoot: String?
    /// What the call that names the place may reach; nil for all that the host allows. It does not belong to the place:
    /// equal places are in each other's way, with any confinement.
    package let confinement: CallConfinement?

    init(root: String, windowsRoot: String?, components: [String], confinement: CallConfinement? = nil) {
        self.root = root
        self.windowsRoot = windowsRoot
        self.components = components
        self.confinement = confinement
    }

    public static func == (a: HostPath, b: HostPath) -> Bool {
        a.root.isIdentical(to: b.root) && a.components.elementsEqual(b.components) { $0.isIdentical(to: $1) }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(root)
        hasher.combine(components)
    }

    public var isRoot: Bool { components.isEmpty }

    /// The last name, or nil for the root itself.
    public var name: String? { components.last }

    /// The directory that holds it; nil for the root.
    public var parent: HostPath? { isRoot ? nil : replacingComponents(components.dropLast()) }

    /// The absolute path on the host.
    public var hostPath: String {
        var path = root
        path.reserveCapacity(components.reduce(root.utf8.count) { $0 + 1 + $1.utf8.count })
        for name in components { path += "/\(name)" }
        return path
    }

    /// Whether another place is beneath this one, or the same. Roots can be within roots.
    func contains(_ other: HostPath) -> Bool {
        let (own, others) = (PathSpelling.names(root) + components, PathSpelling.names(other.root) + other.components)
        return own.count <= others.count && zip(own, others).allSatisfy { $0.isIdentical(to: $1) }
    }

    /// The path as callers see it. The policy that made this resolves it to the same place.
    public var description: String {
        guard let windowsRoot else { return hostPath }
        let path = ([windowsRoot] + components).joined(separator: #"\"#)
        // The top of a drive.
        return path.utf8.count == 2 ? path + #"\"# : path
    }

    /// Another place beneath the same root. The names must be such as ``components`` has them.
    package func replacingComponents(_ components: some Sequence<String>) -> HostPath {
        HostPath(root: root, windowsRoot: windowsRoot, components: Array(components), confinement: confinement)
    }

    /// The same place, named by a call that may reach no more than this.
    package func confined(to confinement: CallConfinement?) -> HostPath {
        HostPath(root: root, windowsRoot: windowsRoot, components: components, confinement: confinement)
    }
}
