// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage
import Synchronization

/// The disks that sessions have brought, among those of the host.
struct TargetDisks: Sendable {
    let inventory: DiskInventory
    let sessions: SessionTable
    let name: ISCSIName
    let addresses: Set<PortalAddress>

    /// How long a login waits for disks that the kernel has found and not yet made.
    static let timeout: Duration = .seconds(10)
    /// How long it waits for any at all; a target may have none for this host. iscsid has asked for them by the time a
    /// login is done.
    static let timeoutForFirst: Duration = .seconds(2)

    func all() throws(StorageError) -> [Session] { try sessions.sessions(with: name, at: addresses) }

    /// Their disks, as the host shows them: for several joined paths to one disk, the multipath map.
    func disks() throws(StorageError) -> [DiskNode] {
        let names = try all().flatMap(\.disks).compactMap(\.block)
        if names.isEmpty { return [] }
        let shown = Dictionary(try inventory.disks().map { ($0.name, $0) }) { first, _ in first }
        var disks: [DiskNode] = []
        for name in names {
            let names = shown[name] == nil ? try Sysfs.names(in: "\(Self.block)/\(name)/holders") : [name]
            disks += names.compactMap { shown[$0] }.filter { !disks.contains($0) }
        }
        return disks
    }

    /// Waits for a session, and until each disk of the sessions can be opened.
    func wait() throws(StorageError) {
        var start: ContinuousClock.Instant?
        let areThere = try BlockEvents.wait(for: Self.timeout) {
            let sessions = ((try? all()) ?? []).filter { $0.isLoggedIn || $0.isWaiting }
            if sessions.isEmpty { return false }
            let since = start ?? .now
            start = since
            let units = sessions.flatMap(\.disks)
            if units.isEmpty { return since.duration(to: .now) > Self.timeoutForFirst }
            return units.allSatisfy(\.isUsableDisk)
        }
        if areThere { return }
        guard start != nil else {
            throw StorageError(
                .unavailable,
                "a session that has lost it, or the login of another process, has not come up within \(Self.timeout)",
                subject: "\(name)")
        }
        throw StorageError(
            .deadlineExceeded, "the host is logged in, and the target's disks have not come within \(Self.timeout)",
            subject: "\(name)")
    }

    /// Waits until they have gone with their sessions.
    func waitForEnd(of ended: [Session]) throws(StorageError) {
        let blocks = ended.flatMap(\.units).compactMap(\.block)
        let ids = Set(ended.map(\.id))
        let haveGone = try BlockEvents.wait(for: Self.timeout) {
            let left = (try? all()) ?? []
            return !left.contains { ids.contains($0.id) }
                && !blocks.contains { access("\(Self.block)/\($0)", F_OK) == 0 }
        }
        guard haveGone else {
            throw StorageError(
                .deadlineExceeded, "the host is logged out, and its disks have not gone within \(Self.timeout)",
                subject: "\(name)")
        }
    }

    private static let block = "/sys/block"
}

/// Disks of sessions that are about to go: they are not in use, their data are written, and until the end no process
/// can mount one or stack a device on it.
final class DetachClaims: Sendable {
    private let claims = Mutex<[Claim]>([])

    /// - Parameter name: the kernel's; nothing is done where that disk has gone.
    func add(_ name: String) throws(StorageError) {
        guard let node = try DiskNode(ofDevice: name) else { return }
        try SystemDisks.refuse(node)
        try node.requireUnused()
        let claim = Claim(descriptor: try Descriptor.claim(OpenDisk(node).wholeDevice, O_RDONLY))
        claims.withLock { $0.append(claim) }
    }

    /// Sleeps in the kernel.
    func end() { claims.withLock { $0 = [] } }

    private final class Claim: Sendable {
        private let descriptor: Descriptor

        init(descriptor: consuming Descriptor) { self.descriptor = descriptor }
    }

    /// The same check, for a disk that does not answer: nothing of it can be written or claimed.
    static func requireUnused(unreachable name: String) throws(StorageError) {
        let swaps = Set(try MountTable.swaps())
        let partitions = try Sysfs.names(in: "/sys/block/\(name)").filter { $0.hasPrefix(name) }
        for part in [name] + partitions {
            guard let number = try Sysfs.device("/sys/class/block/\(part)/dev") else { continue }
            let device = VolumeDevice(name: part, device: number, size: 0)
            let holders = try Holders.conflictingUsers(of: device).filter {
                if case .process = $0 { false } else { true }
            }
            guard holders.isEmpty, !swaps.contains(device.path) else {
                throw StorageError(.busy, "it is in use, and its target is away", subject: device.path)
                    .held(by: holders)
            }
        }
    }
}
