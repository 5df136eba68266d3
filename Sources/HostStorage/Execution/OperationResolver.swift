// SPDX-License-Identifier: Apache-2.0

/// The form of an operation's paths: as a caller spells it, or placed beneath a root.
public protocol PathForm: Sendable, Hashable, CustomStringConvertible {}

extension HostPath: PathForm {}

/// A path as a caller spells it.
public struct CallerPath: PathForm {
    public var text: String
    /// How a path without a drive is taken.
    public var driveless: PathPolicy.DrivelessPaths

    public init(_ text: String, driveless: PathPolicy.DrivelessPaths = .refused) {
        self.text = text
        self.driveless = driveless
    }

    /// Short, for it may be of any length.
    public var description: String { text.excerpt }

    public static func == (a: CallerPath, b: CallerPath) -> Bool {
        a.text.isIdentical(to: b.text) && a.driveless == b.driveless
    }
}

/// The first step of all calls: paths are placed beneath the host's roots, or refused.
public struct OperationResolver: Sendable {
    private let paths: PathPolicy
    /// What the caller may reach; nil for all that the host allows.
    let confinement: CallConfinement?
    /// The services that may be started and stopped; nil where this resolver does not check them.
    private let changeableServices: [ServicePattern]?

    package init(
        paths: PathPolicy, changeableServices: [ServicePattern]? = nil, confinement: CallConfinement? = nil
    ) {
        self.paths = paths
        self.changeableServices = changeableServices
        self.confinement = confinement
    }

    /// The place that a path names.
    public func place(_ path: CallerPath) throws(StorageError) -> HostPath {
        let place = try paths.resolve(path.text, driveless: path.driveless)
        guard !paths.isOfShares(place) else {
            throw StorageError(.denied, "shares are mounted there, for links alone to lead to", subject: "\(place)")
        }
        let confined = place.confined(to: confinement)
        try paths.requireConfinable(confined)
        return confined
    }

    /// The place that a path names, which is not to be a root itself.
    ///
    /// - Parameter reason: why not.
    public func placeBelowRoot(_ path: CallerPath, _ reason: String) throws(StorageError) -> HostPath {
        let place = try place(path)
        guard !place.isRoot else { throw StorageError(.denied, reason, subject: "\(place)") }
        return place
    }

    /// S9: a service that no pattern names is not started or stopped.
    public func requireChangeable(_ service: ServiceName) throws(StorageError) {
        try changeableServices?.requireNamed(service)
    }
}
