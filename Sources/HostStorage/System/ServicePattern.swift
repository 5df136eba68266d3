// SPDX-License-Identifier: Apache-2.0

/// Services by name: a service's name in which `*` stands for any characters, or none.
public struct ServicePattern: Sendable, Hashable, CustomStringConvertible {
    public let description: String
    private let pieces: [[UInt8]]

    /// - Parameter text: with or without ".service" at its end.
    public init(_ text: String) throws(StorageError) {
        guard !text.isEmpty, text.utf8.allSatisfy({ ServiceName.isAllowed($0) || $0 == UInt8(ascii: "*") }) else {
            throw StorageError(.invalidArgument, "\"\(text.excerpt)\" is not a pattern of service names")
        }
        description = text.hasSuffix(".service") ? text : "\(text).service"
        pieces = description.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(Array.init)
    }

    public static let all = ServicePattern(pieces: [[], []], description: "*")

    private init(pieces: [[UInt8]], description: String) {
        self.pieces = pieces
        self.description = description
    }

    public func matches(_ name: ServiceName) -> Bool {
        var rest = Array(name.unit.utf8)[...]
        guard let first = pieces.first, rest.starts(with: first) else { return false }
        guard pieces.count > 1, let last = pieces.last else { return rest.count == first.count }
        rest = rest.dropFirst(first.count)
        for piece in pieces.dropFirst().dropLast() {
            guard let found = rest.firstRange(of: piece) else { return false }
            rest = rest[found.upperBound...]
        }
        return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
    }
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
