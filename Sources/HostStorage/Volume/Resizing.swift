// SPDX-License-Identifier: Apache-2.0

extension StorageHost {
    /// Grows the volume's partition and then its filesystem, mounted or not. Never shrinks. Idempotent: a
    /// call that was cut off is finished by the next.
    public func resizeVolume(_ volume: VolumeID, to size: VolumeSize) async throws(StorageError) {
        try await perform(ResizeVolume(volume: volume, size: size))
    }
}

public protocol ResizingBackend: Sendable {
    func resizeVolume(_ volume: VolumeID, to size: VolumeSize) async throws(StorageError)
}

/// How large a volume is to become.
@nonexhaustive public enum VolumeSize: Sendable, Hashable, Codable {
    /// As large as the disk allows.
    case maximum
    /// At least so many bytes of partition.
    case bytes(Int64)
}

public struct ResizeVolume: HostOperation, ResolvedOperation {
    public var volume: VolumeID
    public var size: VolumeSize

    public init(volume: VolumeID, size: VolumeSize) {
        self.volume = volume
        self.size = size
    }

    public static var name: OperationName { .resizeVolume }
    public var description: String {
        switch size {
        case .maximum: "\(volume) to its maximum"
        case .bytes(let bytes): "\(volume) to \(bytes) bytes"
        }
    }

    public func resolved(by resolver: OperationResolver) throws(StorageError) -> ResizeVolume {
        if case .bytes(let bytes) = size, bytes <= 0 {
            throw StorageError(.invalidArgument, "a volume cannot become \(bytes) bytes")
        }
        return self
    }
    public var subjects: [Subject] { [.volume(volume)] }
    public var effect: Effect { .change(holding: .diskOf(volume)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.resizeVolume(volume, to: size)
    }
}

extension OperationName {
    public static let resizeVolume: OperationName = "resize volume"
}
