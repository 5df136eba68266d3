// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
public import HostStorage
package import Logging

/// The storage of the Linux machine that this process runs on, or shares its devices and mounts with.
///
/// Needs root's capabilities (CAP_SYS_ADMIN, CAP_DAC_OVERRIDE, CAP_MKNOD in the machine's own user
/// namespace) and Linux 5.15. Nothing of the host is touched before the first call.
public final class LinuxBackend: StorageBackend {
    let settings: HostSettings
    let inventory = DiskInventory()
    let pendingDisks = PendingDisks()
    let diskChanges = DiskChanges()
    let index: VolumeIndex
    let queues = BlockingQueues()
    let identities: PerDiskCache<DiskIdentifiers>
    let knownIdentifiers = KnownIdentifiers()
    let silentDisks: SilentDisks
    /// How long a query of all disks waits for a disk without an earlier answer.
    let timeout: Duration
    let resolver: ConfinedPathResolver
    let helperMounts: HelperMount
    let mountRecords: MountRecords
    let systemDisks: SystemDisks
    let offline: OfflineMarks
    let journal: IntentJournal
    let systemBus: String
    let shares: ShareMappings
    /// How long one start or stop of a service is waited for.
    let jobTimeout: Duration
    let initiator = Initiator()
    let frozen = FrozenVolumes()
    let logger: Logger

    /// - Parameters:
    ///   - stateDirectory: keeps state that all processes of the node share, such as which disks are offline, and state
    ///     that outlives the process, such as which formats have begun; it belongs on a disk.
    ///   - systemBus: the D-Bus address of the machine's systemd.
    package convenience init(
        settings: HostSettings, stateDirectory: String = "/var/lib/host-storage",
        systemBus: String = "unix:path=/run/dbus/system_bus_socket", logger: Logger
    ) throws(StorageError) {
        try self.init(
            settings: settings, stateDirectory: stateDirectory, systemBus: systemBus, resolution: .available,
            timeout: .seconds(5), jobTimeout: .seconds(120), logger: logger)
    }

    init(
        settings: HostSettings, stateDirectory: String, systemBus: String, resolution: Resolution, timeout: Duration,
        jobTimeout: Duration, logger: Logger
    ) throws(StorageError) {
        try StateDirectory.require(stateDirectory)
        self.timeout = timeout
        self.settings = settings
        self.systemBus = systemBus
        self.jobTimeout = jobTimeout
        self.logger = logger
        silentDisks = SilentDisks(asked: "what it calls itself", logger: logger)
        resolver = ConfinedPathResolver(policy: settings.paths, resolution: resolution, inventory: inventory)
        helperMounts = HelperMount(directory: "\(stateDirectory)/mounting")
        mountRecords = try MountRecords(stateDirectory: stateDirectory)
        systemDisks = SystemDisks(ownPlaces: settings.paths.roots + [stateDirectory])
        shares = try ShareMappings(
            resolver: resolver, stateDirectory: stateDirectory, requiresEncryption: settings.requiresSMBEncryption,
            logger: logger)
        journal = try IntentJournal(stateDirectory: stateDirectory)
        offline = try OfflineMarks(stateDirectory: stateDirectory)
        identities = PerDiskCache(queues, timeout: timeout) { disk throws(StorageError) in
            // A disk that cannot be opened, or is another disk by now, does not answer.
            _ = try OpenDisk(disk)
            return try disk.identifiers()
        }
        index = VolumeIndex(inventory: inventory, queues: queues, timeout: timeout, logger: logger)
    }

    /// The number of disks, paths and services with an operation under way for longer: it may hang. To make a
    /// filesystem, or to start a service, can take minutes.
    package func countAtWork(longerThan duration: Duration) -> Int { queues.countAtWork(longerThan: duration) }

    func node(_ disk: DiskNumber) async throws(StorageError) -> DiskNode {
        let node = try await queues.run(in: .inventory) { [inventory] () throws(StorageError) in
            try inventory.disk(disk)
        }
        CallTrace.current?.note("disk", "\(node.number) (\(node.name))")
        return node
    }

    /// Runs `work` in the queue of a volume's disk.
    func onDisk<Value: Sendable>(
        of volume: LocatedVolume, _ work: @escaping @Sendable () throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        CallTrace.current?.note("disk", "\(volume.disk.number) (\(volume.disk.name))")
        return try await queues.run(in: .disk(name: volume.disk.name), work)
    }

    /// Runs `work` in the queue of a path, with the path as it is spelled on the host.
    func onPath<Value: Sendable>(
        _ path: HostPath, _ work: @escaping @Sendable (ConfinedPathResolver, HostPath) throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try await queues.run(in: .path(path)) { [resolver] () throws(StorageError) in
            try work(resolver, resolver.onDiskName(path))
        }
    }

    func requireOnline(_ disk: DiskNode) throws(StorageError) {
        guard try offline.isOffline(disk.number) else { return }
        throw StorageError(.failedPrecondition, "disk \(disk.number) is offline", subject: disk.devicePath)
    }
}
