// SPDX-License-Identifier: Apache-2.0

public import HostStorage
public import Logging

/// The storage of the Linux machine that this process runs on, or shares its devices and mounts with.
public typealias LinuxHost = LocalHost<LinuxBackend>

extension LocalHost where Backend == LinuxBackend {
    /// Opens the host, and recovers operations that a killed process has cut off.
    ///
    /// Needs root's capabilities (CAP_SYS_ADMIN, CAP_DAC_OVERRIDE, CAP_MKNOD in the machine's own user namespace) and
    /// Linux 5.15. Several processes of a node may open it at a time, with the same state directory.
    ///
    /// - Parameters:
    ///   - stateDirectory: keeps state that all processes of the node share, such as which disks are offline, and state
    ///     that outlives the process, such as which formats have begun; it belongs on a disk.
    ///   - systemBus: the D-Bus address of the machine's systemd.
    /// - Throws: ``StorageError`` where the state directory cannot be used.
    public static func open(
        _ settings: HostSettings, stateDirectory: String = "/var/lib/host-storage",
        systemBus: String = "unix:path=/run/dbus/system_bus_socket", logger: Logger
    ) async throws(StorageError) -> LinuxHost {
        let backend = try LinuxBackend(
            settings: settings, stateDirectory: stateDirectory, systemBus: systemBus, logger: logger)
        await backend.recover()
        return LinuxHost(backend: backend, settings: settings, logger: logger)
    }
}
