// SPDX-License-Identifier: Apache-2.0

/// A stream of a host's events, as a value: what ``HostOperation`` is for one answer.
///
/// A ``StorageHost`` watches by it. It places the paths, authorises, confines and logs each watch in one generic method,
/// by what the watch declares. A watch changes nothing and holds no lock.
public protocol HostWatch<Event>: NamedOperation {
    associatedtype Event: Sendable
    /// The watch as a backend runs it.
    associatedtype Resolved: ResolvedWatch<Event>

    /// Places the paths and refuses requests that no host could serve.
    ///
    /// - Throws: as ``HostOperation/resolved(by:)``.
    func resolved(by resolver: OperationResolver) throws(StorageError) -> Resolved
}

/// A watch whose paths have been placed: what is authorised and run.
public protocol ResolvedWatch<Event>: NamedOperation, Equatable {
    associatedtype Event: Sendable

    /// All that the caller names, for the policy.
    var subjects: [Subject] { get }
    func run(on backend: some StorageBackend) async throws(StorageError) -> HostEvents<Event>

    /// The subjects that an event names. A caller whose rules permit some subjects only gets no event that names others.
    /// None unless declared.
    static func subjects(of event: Event) -> [Subject]
    /// The event with paths as callers know them. As it is unless declared.
    static func displayed(_ event: Event, in paths: PathPolicy) -> Event
}

extension ResolvedWatch {
    public var description: String { subjects.map(\.description).joined(separator: " ") }

    public static func subjects(of event: Event) -> [Subject] { [] }
    public static func displayed(_ event: Event, in paths: PathPolicy) -> Event { event }
}

extension HostWatch where Self: ResolvedWatch, Resolved == Self {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> Self { self }
}

/// The events of one watch, for one reader, which asks for each: a reader that is slow fills no memory, and is given what
/// has become of several changes by the time that it asks.
///
/// It ends, with nil, when the reader's task is cancelled.
public struct HostEvents<Event: Sendable>: AsyncSequence, AsyncIteratorProtocol, Sendable {
    public typealias Failure = StorageError
    public typealias Element = Event

    private let following: @Sendable () async throws(StorageError) -> Event?

    /// - Parameter following: waits for the next event; nil at the end. Called anew only after it has returned. What it
    ///   captures goes with the last copy of this value.
    public init(_ following: @escaping @Sendable () async throws(StorageError) -> Event?) {
        self.following = following
    }

    public func next() async throws(StorageError) -> Event? { Task.isCancelled ? nil : try await following() }

    public func next(isolation actor: isolated (any Actor)?) async throws(StorageError) -> Event? { try await next() }

    public func makeAsyncIterator() -> HostEvents { self }
}
