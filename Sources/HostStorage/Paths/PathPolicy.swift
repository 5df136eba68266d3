// SPDX-License-Identifier: Apache-2.0

import WindowsPath

/// The one resolver for paths: every path of a caller, in Windows or POSIX spelling, becomes a ``HostPath`` here or is
/// refused, and answers have it in the spelling of the policy's dialect.
///
/// Drives map to host directories. A path must lie beneath a root, compared name by name, so that
/// `/var/lib/kubelet-evil` is not within `/var/lib/kubelet`. Names that Windows or a careless consumer of the path
/// could mistake for something else (devices, streams, shell text) are refused in Windows spelling.
public struct PathPolicy: Sendable {
    /// The roots as absolute paths of the host, in the order given.
    public let roots: [String]
    public let dialect: PathDialect
    /// Whether names below the roots are looked up as on Windows: the name itself if it is there, else the one name
    /// that differs in case alone, by NTFS's table. Several such names are an error. A new entry has the name that the
    /// caller gave it.
    public let ignoresCase: Bool
    public let deviceNames: DeviceNames
    let rootComponents: [[String]]
    private let windowsRoots: [String?]
    /// The places of roots that lie within another root, beneath the nearest one; nil for all others.
    private let innerRoots: [HostPath?]
    private let drives: DriveMap

    /// Which names of files are names of devices in Windows spelling, and so refused.
    @nonexhaustive public enum DeviceNames: String, Sendable, Hashable, CaseIterable {
        /// NUL, CON, COM1 and their like in every directory and with every extension: up to Windows 10 and Windows
        /// Server 2022.
        case windows10 = "windows-10"
        /// In a directory NUL alone: from Windows 11 and Windows Server 2025 on.
        case windows11 = "windows-11"

        var rules: FileName.Rules { self == .windows10 ? .win32 : .windows11 }
    }

    /// How a path that starts with one backslash and has no drive is taken. Drivers send such paths to
    /// the volume methods and to the link test; csi-proxy refuses them in all others.
    @nonexhaustive public enum DrivelessPaths: Sendable { case refused, onDriveC }

    /// - Parameters:
    ///   - roots: directories in either spelling, in every dialect. The list must not be empty, and "/" is no root. In
    ///     the Windows dialect every root must be on a drive.
    ///   - drives: letters and the host directories that they stand for; `C` is "/" unless given.
    public init(
        roots: [String], drives: [Character: String] = [:], dialect: PathDialect = .both, ignoresCase: Bool = false,
        deviceNames: DeviceNames = .windows10
    ) throws(StorageError) {
        self.deviceNames = deviceNames
        self.dialect = dialect
        self.ignoresCase = ignoresCase
        self.drives = try DriveMap(drives)

        guard !roots.isEmpty else { throw StorageError(.invalidArgument, "there is no root directory") }
        var rootComponents: [[String]] = []
        var windowsRoots: [String?] = []
        for root in roots {
            let components = try self.drives.components(of: PathSpelling(root, deviceNames: deviceNames), root)
            guard !components.isEmpty else {
                throw StorageError(.invalidArgument, "the root directory \"\(root.excerpt)\" is the whole host")
            }
            rootComponents.append(components)
            windowsRoots.append(
                dialect == .windows
                    ? try Self.windowsSpelling(of: components, self.drives, deviceNames, root) : nil)
        }
        self.rootComponents = rootComponents
        self.windowsRoots = windowsRoots
        let roots = rootComponents.map { "/" + $0.joined(separator: "/") }
        self.roots = roots
        innerRoots = rootComponents.map { names in
            let around = rootComponents.indices.filter { index in
                rootComponents[index].count < names.count
                    && zip(rootComponents[index], names).allSatisfy { $0.isIdentical(to: $1) }
            }
            guard let nearest = around.max(by: { rootComponents[$0].count < rootComponents[$1].count }) else {
                return nil
            }
            return HostPath(
                root: roots[nearest], windowsRoot: windowsRoots[nearest],
                components: Array(names.dropFirst(rootComponents[nearest].count)))
        }
    }

    /// The place that `text` names. Malformed paths are ``StorageError/Code/invalidArgument``, places
    /// outside every root ``StorageError/Code/denied``.
    public func resolve(_ text: String, driveless: DrivelessPaths = .refused) throws(StorageError) -> HostPath {
        let spelling = try PathSpelling(
            text, dialect: dialect, driveless: driveless, deviceNames: deviceNames)
        let components = try drives.components(of: spelling, text)
        return try place(components, foldingCase: spelling.isWindows || ignoresCase, text: text)
    }

    /// The place that an absolute path of the host names, such as the text of a link.
    public func place(hostPath text: String) throws(StorageError) -> HostPath {
        try place(try PathSpelling.posix(text).components, foldingCase: false, text: text)
    }

    /// The absolute path of the host that a path in either spelling names, wherever that is.
    public static func hostPath(of text: String, drives: [Character: String]) throws(StorageError) -> String {
        "/" + (try DriveMap(drives).components(of: PathSpelling(text), text)).joined(separator: "/")
    }

    /// The place of a link's text among the roots, looked up as the policy looks up names.
    package func place(hostNames names: [String]) throws(StorageError) -> HostPath {
        try place(names, foldingCase: ignoresCase, text: "/" + names.joined(separator: "/"))
    }

    /// The place of a root that lies within another root, beneath the nearest one; nil for all others.
    package func place(ofInnerRoot root: String) -> HostPath? {
        roots.firstIndex { $0.isIdentical(to: root) }.flatMap { innerRoots[$0] }
    }

    /// Where shares are mounted, on the host: beneath the first root, so that links to it lead within the roots.
    package var shareDirectory: String { "\(roots[0])/\(Self.nameOfShares)" }

    private static let nameOfShares = ".smb"

    /// Whether a caller that names `path` would reach shares of others, with the rights that they are mounted with.
    package func isOfShares(_ path: HostPath) -> Bool {
        if path.root.isIdentical(to: roots[0]) {
            guard let name = path.components.first, name.utf8.first == UInt8(ascii: ".") else { return false }
            return name.lowercased().isIdentical(to: Self.nameOfShares)
        }
        let own = shareDirectory.lowercased().utf8.split(separator: UInt8(ascii: "/"))
        let names = path.hostPath.lowercased().utf8.split(separator: UInt8(ascii: "/"))
        return names.count >= own.count && zip(names, own).allSatisfy { $0.elementsEqual($1) }
    }

    /// An absolute path of the host, beneath a root or not, as callers see it.
    package func displayPath(ofHostPath text: String) -> String {
        guard dialect == .windows, let components = try? PathSpelling.posix(text).components,
            let path = drives.windows(components)
        else { return text }
        return path.utf8.count == 2 ? path + #"\"# : path
    }

    /// The same for all paths with one meaning to this policy, for locks by paths.
    package func lockable(_ path: HostPath) -> HostPath {
        guard ignoresCase else { return path }
        return path.replacingComponents(
            path.components.map { name in String(decoding: name.utf16.map(UpcaseTable.upcase), as: UTF16.self) })
    }

    private func place(
        _ components: [String], foldingCase: Bool, text: String
    ) throws(StorageError) -> HostPath {
        // The deepest root around the place: the one that has its very names, else the first that has the same.
        var found: (index: Int, isExact: Bool)?
        var areSeveral = false
        for (index, root) in rootComponents.enumerated() {
            guard components.count >= root.count, root.count >= found.map({ rootComponents[$0.index].count }) ?? 0,
                Self.start(components, with: root, foldingCase: foldingCase)
            else { continue }
            let isExact = !foldingCase || Self.start(components, with: root, foldingCase: false)
            if let other = found, rootComponents[other.index].count == root.count {
                areSeveral = areSeveral || !roots[index].isIdentical(to: roots[other.index])
                if isExact, !other.isExact { found = (index, true) }
            } else {
                found = (index, isExact)
                areSeveral = false
            }
        }
        guard let (best, isExact) = found else {
            throw StorageError(
                .denied,
                "path: \(text.excerpt) is not within the working directories: "
                    + zip(windowsRoots, roots).map { $0 ?? $1 }.joined(separator: ", "))
        }
        guard isExact || !areSeveral else {
            throw StorageError(
                .failedPrecondition, "path: \(text.excerpt) is within several working directories that differ in case")
        }
        return HostPath(
            root: roots[best], windowsRoot: windowsRoots[best],
            components: Array(components.dropFirst(rootComponents[best].count)))
    }

    private static func start(_ names: [String], with root: [String], foldingCase: Bool) -> Bool {
        root.indices.allSatisfy { NameLookup.isSame(root[$0], names[$0], foldingCase: foldingCase) }
    }

    /// The spelling of a root for callers; a root that they could not send back has none.
    private static func windowsSpelling(
        of components: [String], _ drives: DriveMap, _ deviceNames: DeviceNames, _ root: String
    ) throws(StorageError) -> String {
        guard let path = drives.windows(components) else {
            throw StorageError(.invalidArgument, "the root directory \"\(root.excerpt)\" is on no drive")
        }
        _ = try PathSpelling(path + #"\"#, dialect: .windows, deviceNames: deviceNames)
        return path
    }
}
