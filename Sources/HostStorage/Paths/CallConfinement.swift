// SPDX-License-Identifier: Apache-2.0

/// The part of the host that a call may reach: some directories, and the filesystems of some disks.
///
/// It goes with each ``HostPath`` of the call and is compared where the path is opened, with the names that the host
/// has there and the filesystem that is mounted there at that moment. So a rename or a mount between a decision and its
/// use cannot lead out of it.
public struct CallConfinement: Sendable, Hashable {
    /// Distinguishes it from others. Two calls with different confinements never share an outcome.
    public let name: String
    /// The directories, from the host's root on; nil for all that the host allows.
    let roots: [[String]]?
    private let disks: (@Sendable (DiskIdentifiers) -> Bool)?

    /// - Parameters:
    ///   - name: must express the whole confinement.
    ///   - roots: nil for all roots of the host.
    ///   - disks: whether a disk is one of the caller's; nil for all.
    public init(_ name: String, roots: PathPolicy?, disks: (@Sendable (DiskIdentifiers) -> Bool)?) {
        self.name = name
        self.roots = roots?.rootComponents
        self.disks = disks
    }

    /// Whether the call may touch some disks only.
    package var hasDisks: Bool { disks != nil }

    package func permits(_ disk: DiskIdentifiers) -> Bool { disks?(disk) != false }

    public static func == (a: CallConfinement, b: CallConfinement) -> Bool { a.name.isIdentical(to: b.name) }

    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension StorageError {
    /// The error for a path outside of its call's ``CallConfinement``. It is the same whether the path exists or not.
    package static func outsideConfinement(_ subject: String) -> StorageError {
        var error = StorageError(.denied, "it is outside of what the caller may reach", subject: subject)
        error.isOfConfinement = true
        return error
    }
}

extension PathPolicy {
    /// Whether names are compared as Windows does, where a root's own way is spelled.
    private var foldsRoots: Bool { ignoresCase || dialect == .windows }

    /// Throws unless the place, with the names that it has on the host, is within its call's confinement.
    package func requireConfined(_ path: HostPath) throws(StorageError) {
        guard isConfined(path, foldingNames: false) else { throw .outsideConfinement("\(path)") }
    }

    /// Throws if the place, however names are looked up, cannot be within its call's confinement.
    package func requireConfinable(_ path: HostPath) throws(StorageError) {
        guard isConfinable(path) else { throw .outsideConfinement("\(path)") }
    }

    /// Whether the place, by one of the names that the host may have there, is within its call's confinement.
    package func isConfinable(_ path: HostPath) -> Bool { isConfined(path, foldingNames: ignoresCase) }

    private func isConfined(_ path: HostPath, foldingNames: Bool) -> Bool {
        guard let roots = path.confinement?.roots else { return true }
        let root = PathSpelling.names(path.root)
        let names = root + path.components
        return roots.contains { allowed in
            allowed.count <= names.count
                && allowed.indices.allSatisfy { index in
                    // The way to the host's root has the operator's spelling, there as here.
                    let folding = index < root.count ? foldsRoots : foldingNames
                    return NameLookup.isSame(allowed[index], names[index], foldingCase: folding)
                }
        }
    }
}
