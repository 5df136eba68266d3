// SPDX-License-Identifier: Apache-2.0

/// The settings of a host, the same for all backends.
public struct HostSettings: Sendable {
    /// Which paths callers may name.
    public var paths: PathPolicy
    /// The filesystem that ``VolumeOperations/formatVolume(_:over:)`` makes.
    public var filesystem: FilesystemKind = .ext4
    /// How to handle a filesystem whose UUID another mounted filesystem has.
    public var copies = FilesystemCopies.mounted
    /// Whether shares are mounted only where their server encrypts the connection.
    public var requiresSMBEncryption = true
    /// The services that callers may start and stop: none unless named.
    public var changeableServices: [ServicePattern] = []
    /// How long a call waits for the operations in its way before it is aborted.
    public var timeout: Duration = .seconds(10)

    public init(paths: PathPolicy) { self.paths = paths }
}

/// How to handle a filesystem that is a copy of a mounted one, with the same UUID, such as a restored snapshot beside
/// its original. It concerns xfs, which the kernel mounts beside its original only with an option to ignore the UUID.
@nonexhaustive public enum FilesystemCopies: Sendable {
    /// It is mounted beside its original. Nothing on it is changed, and its UUID stays.
    case mounted
    /// It is refused.
    case refused
}
