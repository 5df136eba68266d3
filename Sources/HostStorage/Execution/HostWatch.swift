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

/// The events of one watch, for one reader. It asks for each event, so no events pile up for a slow reader: of several
/// changes it gets the outcome.
///
/// It ends, with nil, when the reader's task is cancelled. After an error the reader may ask on.
public struct HostEvents<Event: Sendable>: AsyncSequence, AsyncIteratorProtocol, Sendable {
    public typealias Failure = StorageError
    public typealias Element = Event

    private let nextEvent: @Sendable () async throws(StorageError) -> Event?

    /// - Parameter nextEvent: waits for the next event and returns it; nil at the end. One call at a time. What it
    ///   captures lives as long as this value and its copies.
    public init(_ nextEvent: @escaping @Sendable () async throws(StorageError) -> Event?) {
        self.nextEvent = nextEvent
    }

    /// Waits for the next event; nil at the end.
    ///
    /// - Throws: what the host's query of its state throws.
    public func next() async throws(StorageError) -> Event? {
        if Task.isCancelled { return nil }
        do throws(StorageError) {
            return try await nextEvent()
        } catch  where error.code == .cancelled && Task.isCancelled {
            return nil
        }
    }

    public func next(isolation actor: isolated (any Actor)?) async throws(StorageError) -> Event? { try await next() }

    public func makeAsyncIterator() -> HostEvents { self }
}
