// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageLinux

/// This machine with none but the sandbox's own disks: a driver under test neither sees nor changes others.
struct SandboxBackend: OperationRunner {
    let machine: LinuxBackend
    let disks: [DiskNumber: AttachedDisk]

    struct AttachedDisk: Sendable {
        let disk: SandboxDisk
        let device: LoopDevice
    }

    func perform<Operation: ResolvedOperation>(
        _ operation: Operation
    ) async throws(StorageError) -> Operation.Answer {
        try requireOwnGroup(operation)
        for subject in operation.subjects { try await requireOwn(subject) }
        try await updateCapacities(before: operation)
        if let answer = try answer(to: operation) as? Operation.Answer { return answer }
        let answer: Operation.Answer
        do throws(StorageError) {
            answer = try await machine.perform(operation)
        } catch {
            // The machine keeps its own disk to itself.
            if Operation.name == .volumeClosestTo, error.code == .denied { throw Self.onDriveC("\(operation)") }
            throw error
        }
        // A directory on C: is one of this machine's, whose disks are not the sandbox's.
        for case .volume(let volume) in Operation.subjects(of: answer) where await !isOwn(volume) {
            throw Self.onDriveC("\(operation)")
        }
        return answer
    }

    func watch<Watch: ResolvedWatch>(_ watch: Watch) async throws(StorageError) -> HostEvents<Watch.Event> {
        for subject in watch.subjects { try await requireOwn(subject) }
        let events = try await machine.watch(watch)
        return HostEvents { () async throws(StorageError) in
            while let event = try await events.next() {
                if Watch.subjects(of: event).allSatisfy(isOwnDisk) { return event }
            }
            return nil
        }
    }

    // MARK: - The sandbox's own

    /// Of events about disks; others are the machine's.
    private func isOwnDisk(_ subject: Subject) -> Bool {
        if case .disk(let disk) = subject { disks[disk] != nil } else { false }
    }

    /// A sandbox has no services and no targets: a trial of a driver must not change the machine. Shares are mounted in
    /// the sandbox, and go with it.
    private func requireOwnGroup(_ operation: some ResolvedOperation) throws(StorageError) {
        let absent =
            switch operation {
            case is LookUpService, is ServicesChanged, is StartService, is StopService: "services"
            case is AddPortal, is ListPortals, is RemovePortal, is DiscoverTargets, is ConnectTarget,
                is DisconnectTarget, is DisksOfTarget, is SetMutualCHAPSecret:
                "iSCSI targets"
            default: ""
            }
        guard absent.isEmpty else {
            throw StorageError(
                .unsupported, "a sandbox has no \(absent) of its own, and keeps its hands off the machine's")
        }
    }

    private func requireOwn(_ subject: Subject) async throws(StorageError) {
        switch subject {
        case .disk(let disk):
            guard disks[disk] != nil else {
                throw StorageError(.notFound, "the sandbox has no such disk", subject: "disk \(disk)")
            }
        case .volume(let volume):
            guard disks[try await machine.disk(of: volume)] != nil else {
                throw StorageError(.notFound, "the sandbox has no such volume", subject: "\(volume)")
            }
        case .path, .share, .service, .portal, .target: break
        }
    }

    private func isOwn(_ volume: VolumeID) async -> Bool {
        guard let disk = try? await machine.disk(of: volume) else { return false }
        return disks[disk] != nil
    }

    private static func onDriveC(_ subject: String) -> StorageError {
        StorageError(
            .failedPrecondition, "it is on C:, which is a directory in a sandbox and no volume", subject: subject)
    }

    // MARK: - Answered by the sandbox itself

    /// A file of a disk can have grown, and many drivers do not ask for a rescan after they have had a disk grown.
    private func updateCapacities(before operation: some ResolvedOperation) async throws(StorageError) {
        switch operation {
        case let operation as SizeOfDisk: try disks[operation.disk]?.device.updateCapacity()
        case let operation as ResizeVolume:
            try disks[try await machine.disk(of: operation.volume)]?.device.updateCapacity()
        // Others' disks are not asked whether they have grown.
        case is RescanDisks: for own in disks.values { try own.device.updateCapacity() }
        default: break
        }
    }

    /// Nil for what the machine answers.
    private func answer(to operation: some ResolvedOperation) throws(StorageError) -> (any Sendable)? {
        switch operation {
        case is ListDiskLocations: disks.mapValues(\.disk.location)
        case is ListDiskIdentifiers: disks.mapValues(\.disk.identifiers)
        case let operation as IdentifiersOfDisk: disks[operation.disk]?.disk.identifiers
        case is RescanDisks: ()
        default: nil
        }
    }
}
