// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// The kernel's iSCSI sessions, as sysfs shows them. Sources: Documentation/ABI/testing/sysfs-class-iscsi_*,
/// drivers/scsi/scsi_transport_iscsi.c.
struct SessionTable: Sendable {
    /// Where sysfs is.
    var root = "/sys"

    /// Those with a target, at one of its portals. A session that ends meanwhile is left out.
    func sessions(with name: ISCSIName, at addresses: Set<PortalAddress>) throws(StorageError) -> [Session] {
        let directory = "\(root)/class/iscsi_session"
        var sessions: [Session] = []
        for entry in try Sysfs.names(in: directory) {
            guard entry.hasPrefix("session"), let id = UInt32(entry.dropFirst("session".count)),
                try Sysfs.attribute("\(directory)/\(entry)/targetname") == name.description,
                try portals(ofSession: id).contains(where: addresses.contains),
                let state = try Sysfs.attribute("\(directory)/\(entry)/state")
            else { continue }
            sessions.append(
                Session(
                    id: id, isLoggedIn: state == "LOGGED_IN", isWaiting: state == "FAILED",
                    units: try units(below: "\(directory)/\(entry)/device")))
        }
        return sessions
    }

    /// Whether the session is one in which both sides have proved themselves by these CHAP names; nil for none. The
    /// kernel shows them only to processes with CAP_SYS_ADMIN.
    func isProven(_ session: Session, host: String?, target: String?) throws(StorageError) -> Bool {
        let directory = "\(root)/class/iscsi_session/session\(session.id)"
        guard try name("\(directory)/username") == host else { return false }
        return try name("\(directory)/username_in") == target
    }

    /// The kernel prints a missing value as C does.
    private func name(_ path: String) throws(StorageError) -> String? {
        guard let name = try Sysfs.attribute(path), !name.isEmpty, name != "(null)" else { return nil }
        return name
    }

    /// The portals that its connections were meant for. The target may have redirected them to others.
    private func portals(ofSession id: UInt32) throws(StorageError) -> [PortalAddress] {
        let directory = "\(root)/class/iscsi_connection"
        var portals: [PortalAddress] = []
        for connection in try Sysfs.names(in: directory) where connection.hasPrefix("connection\(id):") {
            let path = "\(directory)/\(connection)"
            for kind in ["persistent_", ""] {
                guard let address = try Sysfs.attribute("\(path)/\(kind)address"),
                    let port = try Sysfs.number("\(path)/\(kind)port").flatMap({ UInt16(exactly: $0) })
                else { continue }
                portals.append(PortalAddress(address, port: port))
                break
            }
        }
        return portals
    }

    /// "device" has a "target2:0:0", that has a "2:0:0:1" a unit, and that has "block/sdb".
    private func units(below device: String) throws(StorageError) -> [SCSIUnit] {
        var units: [SCSIUnit] = []
        for target in try Sysfs.names(in: device) where target.hasPrefix("target") {
            for unit in try Sysfs.names(in: "\(device)/\(target)") where unit.split(separator: ":").count == 4 {
                if let unit = try SCSIUnit(at: "\(device)/\(target)/\(unit)", address: unit) { units.append(unit) }
            }
        }
        return units.sorted { $0.address.compare(numerically: $1.address) }
    }
}

/// A session with a target.
struct Session: Sendable, Hashable {
    let id: UInt32
    let isLoggedIn: Bool
    /// The target is away, and the kernel queues its commands until it is back.
    let isWaiting: Bool
    /// The target's units, in the order of their numbers.
    let units: [SCSIUnit]

    var disks: [SCSIUnit] { units.filter(\.isDisk) }
}

extension String {
    /// Whether "2:0:0:9" comes before another such address.
    fileprivate func compare(numerically other: String) -> Bool {
        let own = split(separator: ":").map { UInt64($0) ?? 0 }
        return own.lexicographicallyPrecedes(other.split(separator: ":").map { UInt64($0) ?? 0 })
    }
}
