// SPDX-License-Identifier: Apache-2.0

/// A place beneath one of the host's roots. Only a ``PathPolicy`` makes one, so whoever holds it holds
/// text that has been checked; that no link leads out of the root is for the backend to see to.
public struct HostPath: Sendable, Hashable, CustomStringConvertible {
    /// The root, an absolute path of the host without a separator at its end ("/" is "").
    public let root: String
    /// The names below the root. None is empty, "." or "..", none holds "/" or NUL.
    public let components: [String]

    init(root: String, components: [String]) {
        self.root = root
        self.components = components
    }

    public static func == (a: HostPath, b: HostPath) -> Bool {
        a.root.isIdentical(to: b.root) && a.components.elementsEqual(b.components) { $0.isIdentical(to: $1) }
    }

    public var isRoot: Bool { components.isEmpty }

    /// The last name, or nil for the root itself.
    public var name: String? { components.last }

    /// The directory that holds it; nil for the root.
    public var parent: HostPath? {
        isRoot ? nil : HostPath(root: root, components: components.dropLast())
    }

    /// The absolute path on the host.
    public var description: String {
        let path = ([root] + components).joined(separator: "/")
        return path.isEmpty ? "/" : path
    }
}
