// SPDX-License-Identifier: Apache-2.0

/// A service of the host: what it is and does.
public struct HostService: Sendable, Hashable, Codable {
    /// For people.
    public var displayName: String
    public var startType: ServiceStartType
    public var state: ServiceState

    public init(displayName: String, startType: ServiceStartType, state: ServiceState) {
        self.displayName = displayName
        self.startType = startType
        self.state = state
    }
}

/// When a service starts.
@nonexhaustive public enum ServiceStartType: String, Sendable, Hashable, Codable {
    /// With the machine.
    case automatic
    /// When something asks for it.
    case manual
    /// Never.
    case disabled
}

@nonexhaustive public enum ServiceState: String, Sendable, Hashable, Codable {
    /// It does not run: it was not started, has ended, or has failed.
    case stopped
    case starting, stopping
    /// It runs, or has done its work and counts as running.
    case running
    /// A state that this version does not know.
    case unknown
}
