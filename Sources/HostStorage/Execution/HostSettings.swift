// SPDX-License-Identifier: Apache-2.0

/// What a host is set to, whatever its backend.
public struct HostSettings: Sendable {
    /// Which paths callers may name.
    public var paths: PathPolicy
    /// The filesystem that ``VolumeOperations/formatVolume(_:over:)`` makes.
    public var filesystem: FilesystemKind = .ext4
    /// What is done about a filesystem whose UUID another mounted one has.
    public var copies = FilesystemCopies.mounted
    /// Whether shares are mounted only where their server encrypts what goes over the wire.
    public var requiresSMBEncryption = true
    /// The services that callers may start and stop: none unless named.
    public var changeableServices: [ServicePattern] = []
    /// How long a call waits for the operations in its way before it is aborted.
    public var timeout: Duration = .seconds(10)

    public init(paths: PathPolicy) { self.paths = paths }
}

/// What is done about a filesystem that is a copy of one which is mounted, UUID and all, such as a restored snapshot
/// beside its original. It concerns xfs, which the kernel refuses unless it is told to let the UUID pass.
@nonexhaustive public enum FilesystemCopies: Sendable {
    /// It is mounted beside its original. Nothing on it is changed, and its UUID stays.
    case mounted
    /// It is refused.
    case refused
}
