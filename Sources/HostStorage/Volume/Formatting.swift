// SPDX-License-Identifier: Apache-2.0

extension StorageHost {
    /// Whether the volume carries anything that libblkid recognises. A volume that cannot be read, or with an ambiguous
    /// result, is an error, never `false`; the remains of a format that was cut off are `false`.
    public func isVolumeFormatted(_ volume: VolumeID) async throws(StorageError) -> Bool {
        try await perform(IsVolumeFormatted(volume: volume))
    }

    /// Makes the host's filesystem on a volume that is provably blank, or that carries `signature` and nothing else.
    /// Anything else is refused with ``StorageError/Code/failedPrecondition`` and the finding and its position. A
    /// format that was cut off is finished by the next call. Until the volume is first mounted a repeated call finds
    /// its work done and succeeds.
    ///
    /// - Parameter signature: the signature that may be destroyed; it must equal the one found, UUID included.
    public func formatVolume(_ volume: VolumeID, over signature: Signature? = nil) async throws(StorageError) {
        try await perform(FormatVolume(volume: volume, over: signature))
    }
}

public protocol FormattingBackend: Sendable {
    func isVolumeFormatted(_ volume: VolumeID) async throws(StorageError) -> Bool
    func formatVolume(_ volume: VolumeID, over signature: Signature?) async throws(StorageError)
}

public struct IsVolumeFormatted: HostOperation, ResolvedOperation {
    public var volume: VolumeID

    public init(volume: VolumeID) { self.volume = volume }

    public static var name: OperationName { .isVolumeFormatted }
    public var subjects: [Subject] { [.volume(volume)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> Bool {
        try await backend.isVolumeFormatted(volume)
    }
}

public struct FormatVolume: HostOperation, ResolvedOperation {
    public var volume: VolumeID
    /// The signature that may be destroyed; nil for a blank volume alone.
    public var signature: Signature?

    public init(volume: VolumeID, over signature: Signature? = nil) {
        self.volume = volume
        self.signature = signature
    }

    public static var name: OperationName { .formatVolume }
    public var description: String { signature.map { "\(volume) over \($0)" } ?? "\(volume)" }
    public var subjects: [Subject] { [.volume(volume)] }
    public var effect: Effect { .change(holding: .diskOf(volume)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.formatVolume(volume, over: signature)
    }
}

extension OperationName {
    public static let isVolumeFormatted: OperationName = "probe volume"
    public static let formatVolume: OperationName = "format volume"
}
