// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import Logging
import Synchronization

/// A host in memory whose calls can be made to fail: disks, volumes, files and mounts as ``StorageBackend`` has them,
/// without a privilege or a device.
///
/// Plug it into a ``LocalHost`` (or make a ``MemoryHost``), attach disks, and hand the host to the code under test. The
/// simulation keeps the promises of the protocols: growth of a disk is seen only after a rescan, volume IDs outlive
/// their mounts, only blank volumes are formatted, removal never crosses a mount.
public final class MemoryBackend: StorageBackend {
    public let settings: HostSettings
    let host: Mutex<SimulatedHost>
    let faults = Faults()
    let diskChanges = ChangeSignal()
    let logger: Logger

    /// The roots of the settings' paths exist as directories from the beginning.
    public init(settings: HostSettings) {
        self.settings = settings
        logger = Logger(label: "host-storage.memory")
        var host = SimulatedHost(paths: settings.paths)
        for root in settings.paths.roots {
            let place = Place(text: root)
            for count in 1...place.count where host[Place(place.prefix(count))] == nil {
                host[Place(place.prefix(count))] = .emptyDirectory
            }
        }
        self.host = Mutex(host)
    }

    /// Meets the faults set up for an operation before it begins.
    public func perform<Operation: ResolvedOperation>(
        _ operation: Operation
    ) async throws(StorageError) -> Operation.Answer {
        try await faults.apply(Operation.name)
        return try await operation.run(on: self)
    }

    /// Meets the faults set up for the watch before it begins, and before each event.
    public func watch<Watch: ResolvedWatch>(_ watch: Watch) async throws(StorageError) -> HostEvents<Watch.Event> {
        try await faults.apply(Watch.name)
        let events = try await watch.run(on: self)
        return HostEvents { [faults] () async throws(StorageError) in
            try await faults.apply(Watch.name)
            return try await events.next()
        }
    }

    /// Does something to the simulation in one step.
    func simulate<Answer: Sendable>(
        _ body: (inout SimulatedHost) throws(StorageError) -> Answer
    ) throws(StorageError) -> Answer {
        try host.withLock { host throws(StorageError) in try body(&host) }
    }
}

/// A whole host in memory.
public typealias MemoryHost = LocalHost<MemoryBackend>

extension LocalHost where Backend == MemoryBackend {
    /// A host in memory with settings of its own.
    public convenience init(settings: HostSettings) {
        self.init(
            backend: MemoryBackend(settings: settings), settings: settings,
            logger: Logger(label: "host-storage.memory"))
    }

    /// A host in memory with the kubelet's directory, or others, for roots.
    public convenience init(roots: [String] = ["/var/lib/kubelet"]) throws(StorageError) {
        self.init(settings: HostSettings(paths: try PathPolicy(roots: roots)))
    }
}
