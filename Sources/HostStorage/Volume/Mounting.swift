// SPDX-License-Identifier: Apache-2.0

extension StorageHost {
    /// Mounts the volume at `path`, an existing, empty directory.
    ///
    /// Succeeds where that volume is mounted there already. A directory that is not empty or carries
    /// another mount is refused with ``StorageError/Code/failedPrecondition``, and so is a volume that is
    /// not formatted. One volume can be mounted at several places.
    public func mountVolume(_ volume: VolumeID, at path: String) async throws(StorageError) {
        try await perform(MountVolume(volume: volume, target: CallerPath(path)))
    }

    /// Writes the volume's data out and removes its mount at `path`. The directory stays.
    ///
    /// Refused with ``StorageError/Code/failedPrecondition`` where nothing or another volume is mounted
    /// there, with ``StorageError/Code/busy`` and the holders where the mount is in use. Never detaches
    /// lazily.
    @discardableResult
    public func unmountVolume(_ volume: VolumeID, from path: String) async throws(StorageError) -> UnmountOutcome {
        try await perform(UnmountVolume(volume: volume, target: CallerPath(path)))
    }

    /// The volume mounted at `path`, which may be a symbolic link to a mount. A directory that is not a
    /// mount is refused with ``StorageError/Code/failedPrecondition``.
    public func volume(mountedAt path: String) async throws(StorageError) -> VolumeID {
        try await perform(VolumeMountedAt(path: CallerPath(path)))
    }

    /// The volume that holds `path`: that of the nearest mount on the way up.
    public func volume(closestTo path: String) async throws(StorageError) -> VolumeID {
        try await perform(VolumeClosestTo(path: CallerPath(path)))
    }
}

public protocol MountingBackend: Sendable {
    func mountVolume(_ volume: VolumeID, at path: HostPath) async throws(StorageError)
    func unmountVolume(_ volume: VolumeID, from path: HostPath) async throws(StorageError) -> UnmountOutcome
    func volume(mountedAt path: HostPath) async throws(StorageError) -> VolumeID
    func volume(closestTo path: HostPath) async throws(StorageError) -> VolumeID
}

// MARK: - Operations

public struct MountVolume<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = Void
    public var volume: VolumeID
    public var target: Path

    public init(volume: VolumeID, target: Path) {
        self.volume = volume
        self.target = target
    }

    public static var name: OperationName { .mountVolume }
    public var description: String { "\(volume) at \(target)" }
}

extension MountVolume: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> MountVolume<HostPath> {
        MountVolume<HostPath>(volume: volume, target: try resolver.placeBelowRoot(target, rootIsNoMountPoint))
    }
}

extension MountVolume: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.volume(volume), .path(target)] }
    public var effect: Effect { .change(holding: .diskOf(volume), .tree(target)) }
    public var mayUseSystemDisks: Bool { true }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.mountVolume(volume, at: target)
    }
}

public struct UnmountVolume<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = UnmountOutcome
    public var volume: VolumeID
    public var target: Path

    public init(volume: VolumeID, target: Path) {
        self.volume = volume
        self.target = target
    }

    public static var name: OperationName { .unmountVolume }
    public var description: String { "\(volume) from \(target)" }
}

extension UnmountVolume: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> UnmountVolume<HostPath> {
        UnmountVolume<HostPath>(volume: volume, target: try resolver.placeBelowRoot(target, rootIsNoMountPoint))
    }
}

extension UnmountVolume: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.volume(volume), .path(target)] }
    // A volume whose disk is gone, or does not answer, has a mount all the same.
    public var effect: Effect { .change(holding: .tree(target), .diskOf(volume, orElse: .goOn)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> UnmountOutcome {
        try await backend.unmountVolume(volume, from: target)
    }

    public static func replacingHolders(
        of outcome: UnmountOutcome, by change: (Holder) -> Holder
    ) -> UnmountOutcome {
        outcome.replacingHolders(by: change)
    }

    public static func displayed(_ outcome: UnmountOutcome, in paths: PathPolicy) -> UnmountOutcome {
        outcome.replacingHolders { $0.displayed(in: paths) }
    }
}

public struct VolumeMountedAt<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = VolumeID
    public var path: Path

    public init(path: Path) { self.path = path }

    public static var name: OperationName { .volumeMountedAt }
    public var description: String { "\(path)" }
}

extension VolumeMountedAt: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> VolumeMountedAt<HostPath> {
        VolumeMountedAt<HostPath>(path: try resolver.place(path))
    }
}

extension VolumeMountedAt: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(path)] }
    public var effect: Effect { .read }
    public var mayUseSystemDisks: Bool { true }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> VolumeID {
        try await backend.volume(mountedAt: path)
    }

    // A caller's directories can be on a disk that is not the caller's.
    public static func subjects(of volume: VolumeID) -> [Subject] { [.volume(volume)] }
}

public struct VolumeClosestTo<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = VolumeID
    public var path: Path

    public init(path: Path) { self.path = path }

    public static var name: OperationName { .volumeClosestTo }
    public var description: String { "\(path)" }
}

extension VolumeClosestTo: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> VolumeClosestTo<HostPath> {
        VolumeClosestTo<HostPath>(path: try resolver.place(path))
    }
}

extension VolumeClosestTo: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(path)] }
    public var effect: Effect { .read }
    public var mayUseSystemDisks: Bool { true }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> VolumeID {
        try await backend.volume(closestTo: path)
    }

    public static func subjects(of volume: VolumeID) -> [Subject] { [.volume(volume)] }
}

extension OperationName {
    public static let mountVolume: OperationName = "mount volume"
    public static let unmountVolume: OperationName = "unmount volume"
    public static let volumeMountedAt: OperationName = "volume mounted at"
    public static let volumeClosestTo: OperationName = "volume closest to"
}
