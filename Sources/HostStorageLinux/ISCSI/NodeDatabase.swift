// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// open-iscsi's records, as `iscsiadm` keeps them: a directory a portal that was added (`send_targets`), and a directory
/// a target and one a portal of it (`nodes`). They are read here, and written by iscsiadm.
struct NodeDatabase: Sendable {
    let directory: String

    /// Debian and builds with upstream's defaults have it in different places.
    static var ofThisHost: NodeDatabase {
        NodeDatabase(directory: access("/var/lib/iscsi", F_OK) == 0 ? "/var/lib/iscsi" : "/etc/iscsi")
    }

    /// The portals that were added, by this layer or by other programs.
    func portals() throws(StorageError) -> [ISCSIPortal] {
        try portalDirectories().compactMap { try? ISCSIPortal(address: $0.address, port: UInt32($0.port)) }
            .sorted { $0.description < $1.description }
    }

    func contains(_ portal: ISCSIPortal) throws(StorageError) -> Bool { try name(of: portal) != nil }

    /// The portal's address as its record spells it, which iscsiadm takes; nil where it was not added.
    func name(of portal: ISCSIPortal) throws(StorageError) -> ISCSIPortal? {
        let address = PortalAddress(portal.address, port: portal.port)
        return try portals().first { PortalAddress($0.address, port: $0.port) == address }
    }

    /// The discovered records of a target.
    func records(of target: ISCSIName) throws(StorageError) -> [NodeRecord] {
        var records: [NodeRecord] = []
        for portal in try Sysfs.names(in: "\(nodes)/\(target)") {
            let interfaces = try Sysfs.names(in: "\(nodes)/\(target)/\(portal)")
            let interface = interfaces.contains("default") ? "default" : interfaces.first
            if let interface, let record = NodeRecord(in: self, of: target, portal: portal, interface: interface) {
                records.append(record)
            }
        }
        return records
    }

    /// The records of a target that a temporary one replaces, or that a process that was killed has not restored.
    func temporaryRecords(of target: ISCSIName) throws(StorageError) -> [NodeRecord] {
        var records: [NodeRecord] = []
        for portal in try Sysfs.names(in: "\(replaced)/\(target)") {
            records += try Sysfs.names(in: "\(replaced)/\(target)/\(portal)").compactMap {
                NodeRecord(in: self, of: target, portal: portal, interface: $0)
            }
        }
        return records
    }

    var nodes: String { "\(directory)/nodes" }

    /// Where records are while a login has something else in their place; see ``TemporaryNodeRecord``.
    var replaced: String { "\(directory)/host-storage-login" }

    // MARK: - Links

    /// A portal's directory has links to the records that its discoveries have made, and with the portal go the records
    /// that it links to. This makes them the records of its own addresses, whichever portal's discovery has made them,
    /// and none of another portal that was added. Records of an operator belong to no portal.
    func relink(_ portal: ISCSIPortal, at addresses: Set<PortalAddress>) throws(StorageError) {
        let own = PortalAddress(portal.address, port: portal.port)
        let others = Set(try portals().map { PortalAddress($0.address, port: $0.port) }).subtracting(addresses)
        var records: [NodeRecord] = []
        for target in try Sysfs.names(in: nodes).compactMap({ try? ISCSIName($0) }) {
            records += try self.records(of: target)
        }
        for entry in try portalDirectories() where PortalAddress(entry.address, port: entry.port) == own {
            for link in try Sysfs.names(in: entry.path) {
                guard let address = Self.address(ofLink: link), others.contains(address) else { continue }
                try removeFile("\(entry.path)/\(link)")
            }
            for record in records where addresses.contains(record.address) {
                guard try record.wasDiscovered() else { continue }
                let path = "\(entry.path)/\(record.linkName)"
                if symlink(record.directory, path) < 0, errno != EEXIST {
                    throw StorageError(errno: errno, "symlink", path)
                }
            }
        }
    }

    /// Deletes the rest of a portal that open-iscsi has deleted: links to records that another portal's discovery had
    /// made, and so the directory.
    func dropRemains(of portal: ISCSIPortal) throws(StorageError) {
        let own = PortalAddress(portal.address, port: portal.port)
        for entry in try directories() where !entry.isPortal && PortalAddress(entry.address, port: entry.port) == own {
            for link in try Sysfs.names(in: entry.path) where Self.address(ofLink: link) != nil {
                try removeFile("\(entry.path)/\(link)")
            }
            if rmdir(entry.path) < 0, errno != ENOENT { throw StorageError(errno: errno, "rmdir", entry.path) }
        }
    }

    /// Of "iqn.2001-04.com.example:x,192.0.2.1,3260,1,default".
    static func address(ofLink name: String) -> PortalAddress? {
        let parts = name.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 5, let port = UInt16(parts[2]) else { return nil }
        return PortalAddress(String(parts[1]), port: port)
    }

    // MARK: - Reading

    private struct PortalDirectory {
        let address: String
        let port: UInt16
        let path: String

        /// Whether there is a record of the portal in it, and not only a rest of one.
        var isPortal: Bool { access("\(path)/st_config", F_OK) == 0 }
    }

    private func portalDirectories() throws(StorageError) -> [PortalDirectory] { try directories().filter(\.isPortal) }

    private func directories() throws(StorageError) -> [PortalDirectory] {
        try Sysfs.names(in: "\(directory)/send_targets").compactMap { name in
            guard let comma = name.lastIndex(of: ","), let port = UInt16(name[name.index(after: comma)...]) else {
                return nil
            }
            let path = "\(directory)/send_targets/\(name)"
            return PortalDirectory(address: String(name[..<comma]), port: port, path: path)
        }
    }
}

/// The record of a target at one of its portals.
struct NodeRecord: Sendable, Hashable {
    let target: ISCSIName
    /// As open-iscsi spells it.
    let portal: ISCSIPortal
    /// Which of the host's interfaces it is for; mostly "default".
    let interface: String
    /// The directory that it is in.
    let directory: String
    /// The directory that it is in while it is replaced, and its parents that exist for this alone.
    let temporaryDirectories: [String]

    /// - Parameter name: of the portal's directory: "192.0.2.1,3260,1", where the last is the portal group.
    fileprivate init?(in database: NodeDatabase, of target: ISCSIName, portal name: String, interface: String) {
        let parts = name.split(separator: ",")
        guard parts.count >= 2, let port = UInt32(parts[1]),
            let portal = try? ISCSIPortal(address: String(parts[0]), port: port)
        else { return nil }
        self.target = target
        self.portal = portal
        self.interface = interface
        directory = "\(database.nodes)/\(target)/\(name)"
        temporaryDirectories = [
            "\(database.replaced)/\(target)/\(name)", "\(database.replaced)/\(target)", database.replaced,
        ]
    }

    /// By asking its portal, or another; not by an operator's own doing.
    fileprivate func wasDiscovered() throws(StorageError) -> Bool {
        LoginRecord.value(of: "node.discovery_type", in: try Sysfs.attribute(path) ?? "") == "send_targets"
    }

    /// As a portal's directory has it.
    fileprivate var linkName: String {
        let portal = directory.split(separator: "/").last.map(String.init) ?? ""
        return "\(target),\(portal),\(interface)"
    }

    var temporaryDirectory: String { temporaryDirectories[0] }
    var address: PortalAddress { PortalAddress(portal.address, port: portal.port) }
    var path: String { "\(directory)/\(interface)" }
}
