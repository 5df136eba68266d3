// SPDX-License-Identifier: Apache-2.0

public import HostStorage
public import StorageVersions

/// The rights of some callers. Rules only ever allow, so their order has no effect, and a call is allowed by one rule
/// as a whole: the roots of one and the devices of another do not add up.
public struct AccessRule: Sendable {
    /// Its name in the audit log.
    public var name: String
    /// Callers are these users, and the members of these groups.
    public var uids: Set<UInt32>
    public var gids: Set<UInt32>
    /// The groups of methods; nil for all.
    public var groups: Set<APIGroup>?
    /// The versions; nil for all.
    public var versions: Set<APIVersion>?
    /// The methods, by the names that each version gives them; nil for all.
    public var methods: [NamePattern]?
    /// The directories beneath which paths may be named, link targets included; nil for all of the host's.
    public var roots: PathPolicy?
    /// The disks, and the volumes on them; nil for all.
    public var devices: [DevicePattern]?
    /// The services of the system that may be started and stopped, of those that the host allows: none unless named.
    public var services: [ServicePattern]

    public init(
        name: String, uids: Set<UInt32> = [], gids: Set<UInt32> = [], groups: Set<APIGroup>? = nil,
        versions: Set<APIVersion>? = nil, methods: [NamePattern]? = nil, roots: PathPolicy? = nil,
        devices: [DevicePattern]? = nil, services: [ServicePattern] = []
    ) {
        self.name = name
        self.uids = uids
        self.gids = gids
        self.groups = groups
        self.versions = versions
        self.methods = methods
        self.roots = roots
        self.devices = devices
        self.services = services
    }

    /// The confinement of paths; nil where they may be all that the host allows.
    public var confinement: CallConfinement? {
        guard roots != nil || devices != nil else { return nil }
        let directories = roots?.roots.description ?? "all"
        let patterns = devices?.description ?? "all"
        var disks: (@Sendable (DiskIdentifiers) -> Bool)?
        if let devices { disks = { disk in devices.contains { $0.matches(disk) } } }
        return CallConfinement(
            "rule \(name.quoted), roots \(directories), devices \(patterns)", roots: roots, disks: disks)
    }

    /// Whether the rule applies to this caller.
    public func isFor(_ caller: Caller) -> Bool {
        uids.contains(caller.uid) || !gids.isDisjoint(with: caller.gids)
    }

    /// Whether the rule applies to this group in this version.
    public func covers(_ group: APIGroup, _ version: APIVersion) -> Bool {
        groups?.contains(group) != false && versions?.contains(version) != false
    }

    public func covers(_ method: MethodName) -> Bool {
        covers(method.group, method.version) && methods?.contains { $0.matches(method.name) } != false
    }

    /// Whether the rule names this very disk. A pattern with a star in it can match any disk, and names none.
    public func names(_ disk: DiskIdentifiers) -> Bool {
        devices?.contains { $0.isOfOneName && $0.matches(disk) } ?? false
    }

    /// Whether it names any disk so.
    public var namesDisks: Bool { devices?.contains(where: \.isOfOneName) ?? false }

    public func permits(_ subject: RuleSubject) -> Bool {
        switch subject {
        case .path(let path):
            guard let roots else { return true }
            return (try? roots.place(hostPath: path)) != nil
        case .disk(let disk): return devices?.contains { $0.matches(disk) } != false
        case .service(let name): return services.contains { $0.matches(name) }
        }
    }
}
