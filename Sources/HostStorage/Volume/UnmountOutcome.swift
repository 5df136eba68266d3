// SPDX-License-Identifier: Apache-2.0

/// The result of a successful unmount. In every case the mount is gone from its place and its data are on the disk.
@nonexhaustive public enum UnmountOutcome: Sendable, Hashable, Codable {
    /// Nothing on the host uses the device any more: it can be detached.
    case released
    /// The device is still in use by these holders, as far as they could be found.
    case stillHeld(by: [Holder])
    /// The server's API version does not report it.
    case unknown
}

extension UnmountOutcome {
    func replacingHolders(by change: (Holder) -> Holder) -> UnmountOutcome {
        guard case .stillHeld(let holders) = self else { return self }
        return .stillHeld(by: holders.map(change))
    }
}

/// A process, mount or device that keeps a device or a mount in use.
@nonexhaustive public enum Holder: Sendable, Hashable, Codable, CustomStringConvertible {
    /// A process and what it has there: "current directory", "open file", …
    case process(id: Int32, name: String, use: String)
    /// A mount; of another mount namespace where a process is named through which it can be seen.
    case mount(target: String, seenByProcess: Int32?)
    /// A device stacked on it: device-mapper, MD.
    case device(name: String)

    public var description: String {
        switch self {
        case .process(let id, let name, let use): "process \(id) (\(name), \(use))"
        case .mount(let target, nil): "a mount at \(target)"
        case .mount(let target, let process?): "a mount at \(target) in the mount namespace of process \(process)"
        case .device(let name): "device \(name)"
        }
    }
}
