// SPDX-License-Identifier: Apache-2.0

/// A place beneath one of the host's roots. Only a ``PathPolicy`` makes one, so whoever holds it holds
/// text that has been checked; that no link leads out of the root is for the backend to see to.
public struct HostPath: Sendable, Hashable, CustomStringConvertible {
    /// The root, an absolute path of the host without a separator at its end.
    public let root: String
    /// The names below the root. None is empty, "." or "..", none holds "/" or NUL.
    public let components: [String]
    /// The root as callers are told it, in Windows spelling; nil where they are told the host's own.
    let windowsRoot: String?
    /// What the call that names the place may reach; nil for all that the host allows. Not a part of what the
    /// place is: equal places are in each other's way, whoever names them.
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
    public var hostPath: String { ([root] + components).joined(separator: "/") }

    /// Whether another place is beneath this one, or the same. Roots can be within roots.
    func contains(_ other: HostPath) -> Bool {
        let (own, others) = (PathSpelling.names(root) + components, PathSpelling.names(other.root) + other.components)
        return own.count <= others.count && zip(own, others).allSatisfy { $0.isIdentical(to: $1) }
    }

    /// The path as callers are told it. The policy that made this resolves it to the same place.
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
