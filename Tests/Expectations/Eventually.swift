// SPDX-License-Identifier: Apache-2.0

import Synchronization
public import Testing

/// Waits until a condition holds. If it never does, the test fails with a sentence and does not hang.
///
/// The bound ends a hang. It is long enough for the busiest machine: no test depends on a machine's speed.
///
/// - Parameter expected: the condition, as a sentence: "the disk is asked".
public func eventually(
    _ expected: String, within bound: Duration = .seconds(180), isolation: isolated (any Actor)? = #isolation,
    sourceLocation: SourceLocation = #_sourceLocation, _ isSo: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + bound
    while try await !isSo() {
        guard .now < end else { throw NeverHappened(expected, within: bound, at: sourceLocation) }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// Waits until a search finds a value.
public func eventually<Found>(
    finding expected: String, within bound: Duration = .seconds(180), isolation: isolated (any Actor)? = #isolation,
    sourceLocation: SourceLocation = #_sourceLocation, _ find: () async throws -> Found?
) async throws -> Found {
    var found: Found?
    try await eventually(expected, within: bound, sourceLocation: sourceLocation) {
        found = try await find()
        return found != nil
    }
    guard let found else { throw NeverHappened(expected, within: bound, at: sourceLocation) }
    return found
}

/// Waits for the end of work that may hang. After the bound the test fails, and leaves the work to itself.
public func finishing<Answer: Sendable>(
    _ expected: String, within bound: Duration = .seconds(180), isolation: isolated (any Actor)? = #isolation,
    sourceLocation: SourceLocation = #_sourceLocation, _ work: @escaping @Sendable () async throws -> Answer
) async throws -> Answer {
    let outcome = Outcome<Answer>()
    let task = Task.detached {
        do { outcome.set(.success(try await work())) } catch { outcome.set(.failure(error)) }
    }
    defer { task.cancel() }
    return try await eventually(finding: expected, within: bound, sourceLocation: sourceLocation) { outcome.result }
        .get()
}

/// A condition that did not come true.
public struct NeverHappened: Error, CustomStringConvertible {
    public let description: String

    init(_ expected: String, within bound: Duration, at location: SourceLocation) {
        description = "not within \(bound): \(expected) (\(location.fileID):\(location.line))"
    }
}

private final class Outcome<Answer: Sendable>: Sendable {
    private let value = Mutex<Result<Answer, any Error>?>(nil)

    var result: Result<Answer, any Error>? { value.withLock { $0 } }
    func set(_ result: Result<Answer, any Error>) { value.withLock { $0 = result } }
}
