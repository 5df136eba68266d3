// SPDX-License-Identifier: Apache-2.0

/// The name of an operation in logs, metrics and errors: a verb phrase, such as "mount volume".
public struct OperationName: Sendable, Hashable, RawRepresentable, ExpressibleByStringLiteral, CustomStringConvertible {
    public var rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }

    public var description: String { rawValue }
}

/// Common parts of ``HostOperation`` and ``ResolvedOperation``. The description names the operation's subjects, for
/// logs and errors, unless declared otherwise.
public protocol NamedOperation: Sendable, CustomStringConvertible {
    static var name: OperationName { get }
    /// The name of this very call in logs, such as "remove with force": ``name`` unless declared.
    var phrase: String { get }
}

extension NamedOperation {
    public var phrase: String { Self.name.rawValue }
}

/// One operation on a host, as a value: a caller makes it, with paths as the caller spells them.
///
/// A ``StorageHost`` performs it. All that a host does for every operation (place paths beneath its roots, hold locks,
/// join equal calls, log, authorise, confine, send over a socket) it does in one generic method each, by what the
/// operation declares. An operation without paths is its own ``Resolved``.
public protocol HostOperation<Answer>: NamedOperation {
    associatedtype Answer: Sendable
    /// The operation as a backend runs it.
    associatedtype Resolved: ResolvedOperation<Answer>

    /// Places the paths and refuses requests that no host could serve.
    ///
    /// - Throws: ``StorageError/Code/invalidArgument`` for malformed requests, ``StorageError/Code/denied`` for
    ///   requests that the host's settings refuse.
    func resolved(by resolver: OperationResolver) throws(StorageError) -> Resolved
}

/// An operation whose paths have been placed: what is authorised, locked and run. Equal values are the same call.
public protocol ResolvedOperation<Answer>: NamedOperation, Equatable {
    associatedtype Answer: Sendable

    /// All that the caller names, for the policy. Calls that no rule permits are refused before they run.
    var subjects: [Subject] { get }
    /// Whether it changes the host, and the keys that it holds meanwhile.
    var effect: Effect { get }
    func run(on backend: some StorageBackend) async throws(StorageError) -> Answer

    /// The answer where it is there without a wait, on the caller's thread; nil where it may have to be waited for. Of
    /// operations that change nothing; nil unless declared.
    func answer(atOnceBy backend: some StorageBackend) throws(StorageError) -> Answer?
    /// What it changes beyond ``subjects``. Nothing unless declared.
    var consequence: Consequence { get }
    /// Whether a caller that names a disk of the running system may use it so, see ``SystemDiskUse``. Not unless declared.
    var mayUseSystemDisks: Bool { get }
    /// The subjects that an answer names. None unless declared.
    static func subjects(of answer: Answer) -> [Subject]
    /// The part of an answer that a caller may see whose rules permit some subjects only; nil where the whole call is
    /// refused instead, as it is unless declared.
    static func limit(_ answer: Answer, to permitted: Set<Subject>) -> Answer?
    /// The answer with other holders of a disk or mount in the place of those that it names, for a caller that may not
    /// know of all places. As it is unless declared.
    static func replacingHolders(of answer: Answer, by change: (Holder) -> Holder) -> Answer
    /// The answer with paths as callers know them. As it is unless declared.
    static func displayed(_ answer: Answer, in paths: PathPolicy) -> Answer
}

extension ResolvedOperation {
    public var description: String { subjects.map(\.description).joined(separator: " ") }

    public func answer(atOnceBy backend: some StorageBackend) throws(StorageError) -> Answer? { nil }
    public var consequence: Consequence { .none }
    public var mayUseSystemDisks: Bool { false }
    public static func subjects(of answer: Answer) -> [Subject] { [] }
    public static func limit(_ answer: Answer, to permitted: Set<Subject>) -> Answer? { nil }
    public static func replacingHolders(of answer: Answer, by change: (Holder) -> Holder) -> Answer { answer }
    public static func displayed(_ answer: Answer, in paths: PathPolicy) -> Answer { answer }
}

extension HostOperation where Self: ResolvedOperation, Resolved == Self {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> Self { self }
}

/// Something of the host that a caller names.
@nonexhaustive public enum Subject: Sendable, Hashable, CustomStringConvertible {
    case path(HostPath)
    case disk(DiskNumber)
    case volume(VolumeID)
    case share(SMBRemotePath)
    case service(ServiceName)
    case portal(ISCSIPortal)
    case target(ISCSITarget)

    public var description: String {
        switch self {
        case .path(let path): "\(path)"
        case .disk(let disk): "\(disk)"
        case .volume(let volume): "\(volume)"
        case .share(let share): "\(share)"
        case .service(let service): "\(service)"
        case .portal(let portal): "\(portal)"
        case .target(let target): "\(target)"
        }
    }
}

/// What an operation changes that its caller has not named, for the policy. The host finds out which these are.
@nonexhaustive public enum Consequence: Sendable, Hashable {
    case none
    case changesServices(with: ServiceName, dependents: Bool)
    case takesAwayDisks(of: ISCSITarget)
}

/// What an operation does to the host.
@nonexhaustive public enum Effect: Sendable, Hashable {
    /// It changes nothing, and waits for no other operation.
    case read
    /// It changes the host, alone on its keys.
    ///
    /// - joinable: whether an equal call may share the outcome of one that began before it. False where the call
    ///   promises something about an action of its caller just before (written data, an attached disk), or where two
    ///   calls differ in a secret.
    case change(holding: [LockKey], joinable: Bool)

    public static func change(holding keys: LockKey...) -> Effect { .change(holding: keys, joinable: true) }
    public static func unsharedChange(holding keys: LockKey...) -> Effect { .change(holding: keys, joinable: false) }
}
