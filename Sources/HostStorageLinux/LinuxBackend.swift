// SPDX-License-Identifier: Apache-2.0

public import HostStorage
public import Logging

/// The storage of the Linux machine that this process runs on, or shares its devices and mounts with.
///
/// Needs root's capabilities (CAP_SYS_ADMIN, CAP_DAC_OVERRIDE, CAP_MKNOD in the machine's own user
/// namespace) and Linux 5.15. Nothing of the host is touched before the first call.
public final class LinuxBackend: StorageBackend {
    let settings: HostSettings
    let inventory = DiskInventory()
    let index: VolumeIndex
    let lanes = Lanes()
    let door: PathDoor
    let offline: OfflineMarks
    let journal: IntentJournal
    let systemBus: String
    let logger: Logger

    /// - Parameters:
    ///   - stateDirectory: keeps what every process of the node has to know, such as which disks are offline, and what
    ///     outlives the process, such as which formats have begun; it belongs on a disk.
    ///   - systemBus: the D-Bus address of the machine's systemd.
    public init(
        settings: HostSettings, stateDirectory: String = "/var/lib/host-storage",
        systemBus: String = "unix:path=/run/dbus/system_bus_socket", logger: Logger
    ) throws(StorageError) {
        self.settings = settings
        self.systemBus = systemBus
        self.logger = logger
        door = PathDoor(policy: settings.paths)
        journal = try IntentJournal(stateDirectory: stateDirectory)
        offline = try OfflineMarks(stateDirectory: stateDirectory)
        index = VolumeIndex(inventory: inventory, lanes: lanes, logger: logger)
    }

    func node(_ disk: DiskNumber) async throws(StorageError) -> DiskNode {
        try await lanes.run(in: .inventory) { [inventory] () throws(StorageError) in try inventory.disk(disk) }
    }

    /// Runs `work` in the lane of a volume's disk.
    func onDisk<Value: Sendable>(
        of volume: LocatedVolume, _ work: @escaping @Sendable () throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try await lanes.run(in: .disk(name: volume.disk.name), work)
    }

    /// Runs `work` in the lane of a path.
    func onPath<Value: Sendable>(
        _ path: HostPath, _ work: @escaping @Sendable (PathDoor) throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try await lanes.run(in: .path(path)) { [door] () throws(StorageError) in try work(door) }
    }

    func requireOnline(_ disk: DiskNode) throws(StorageError) {
        guard try offline.isOffline(disk.number) else { return }
        throw StorageError(.failedPrecondition, "disk \(disk.number) is offline", subject: disk.devicePath)
    }
}
