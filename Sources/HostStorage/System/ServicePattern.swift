// SPDX-License-Identifier: Apache-2.0

/// Services by name: a service's name in which `*` stands for any characters, or none.
public struct ServicePattern: Sendable, Hashable, CustomStringConvertible {
    public let description: String

    /// - Parameter text: with or without ".service" at its end.
    public init(_ text: String) throws(StorageError) {
        guard !text.isEmpty, text.utf8.allSatisfy({ ServiceName.isAllowed($0) || $0 == UInt8(ascii: "*") }) else {
            throw StorageError(.invalidArgument, "\"\(text.excerpt)\" is not a pattern of service names")
        }
        description = text.hasSuffix(".service") ? text : "\(text).service"
    }

    public static let all = ServicePattern(description: "*")

    private init(description: String) { self.description = description }

    public func matches(_ name: ServiceName) -> Bool { name.unit.matches(pattern: description) }
}

extension [ServicePattern] {
    /// S9: a service that no pattern names is not started or stopped.
    package func requireNamed(_ service: ServiceName) throws(StorageError) {
        guard contains(where: { $0.matches(service) }) else {
            throw StorageError(
                .denied, "the host's policy does not name \(service) as one to start and stop", subject: "\(service)")
        }
    }
}
