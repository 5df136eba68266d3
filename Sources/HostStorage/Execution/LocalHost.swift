// SPDX-License-Identifier: Apache-2.0

public import Logging

/// A host's storage over a backend in this process: the one place where the paths of every operation, from any caller,
/// are placed, and where it is serialised with the operations in its way, and logged.
public final class LocalHost<Backend: OperationRunner>: StorageHost {
    public let settings: HostSettings
    public let backend: Backend
    /// The operations under way.
    public let operations: OperationRegistry
    private let logger: Logger
    private let slowCalls: SlowCallWatch
    private let resolver: OperationResolver

    public init(backend: Backend, settings: HostSettings, logger: Logger) {
        self.backend = backend
        self.settings = settings
        self.operations = OperationRegistry(timeout: settings.timeout)
        self.logger = logger
        slowCalls = SlowCallWatch(logger: logger)
        resolver = OperationResolver(paths: settings.paths, changeableServices: settings.changeableServices)
    }

    private init(_ host: LocalHost, confinedTo confinement: CallConfinement) {
        backend = host.backend
        settings = host.settings
        operations = host.operations
        logger = host.logger
        slowCalls = host.slowCalls
        resolver = OperationResolver(
            paths: settings.paths, changeableServices: settings.changeableServices, confinement: confinement)
    }

    public func confined(to confinement: CallConfinement) throws(StorageError) -> any StorageHost {
        guard resolver.confinement == nil else {
            throw StorageError(.internalError, "the host is confined already")
        }
        return LocalHost(self, confinedTo: confinement)
    }

    public func perform<Operation: HostOperation>(
        _ operation: Operation
    ) async throws(StorageError) -> Operation.Answer {
        let resolved = try resolved(operation)
        let answer =
            switch resolved.effect {
            case .read:
                if let answer = try answer(atOnceTo: resolved) {
                    answer
                } else {
                    try await read(resolved, Call(resolved))
                }
            case .change(let keys, let joinable): try await change(resolved, Call(resolved), keys, joinable: joinable)
            }
        return Operation.Resolved.displayed(answer, in: settings.paths)
    }

    public func answer<Operation: HostOperation>(
        atOnce operation: Operation
    ) throws(StorageError) -> Operation.Answer? {
        let resolved = try resolved(operation)
        guard case .read = resolved.effect, let answer = try answer(atOnceTo: resolved) else { return nil }
        return Operation.Resolved.displayed(answer, in: settings.paths)
    }

    private func resolved<Operation: HostOperation>(
        _ operation: Operation
    ) throws(StorageError) -> Operation.Resolved {
        do throws(StorageError) { return try operation.resolved(by: resolver) } catch {
            throw error.during(operation.phrase, "\(operation)")
        }
    }

    public func watch<Watch: HostWatch>(_ watch: Watch) async throws(StorageError) -> HostEvents<Watch.Event> {
        let paths = settings.paths
        let (phrase, subject) = (watch.phrase, "\(watch)")
        let explained = { @Sendable (error: StorageError) in error.during(phrase, subject).displayed(in: paths) }
        let events: HostEvents<Watch.Event>
        do throws(StorageError) { events = try await backend.watch(watch.resolved(by: resolver)) } catch {
            throw explained(error)
        }
        let trace = CallTrace.current ?? CallTrace(caller: "this process")
        logger.debug("\(phrase) \(subject)", metadata: trace.metadata([:]))
        return HostEvents { () async throws(StorageError) in
            do throws(StorageError) {
                return try await events.next().map { Watch.Resolved.displayed($0, in: paths) }
            } catch {
                throw explained(error)
            }
        }
    }

    /// The log's data about a call.
    private struct Call: Sendable {
        var name: String
        var subject: String
        var trace: CallTrace
        let began = ContinuousClock.now

        init(_ operation: some ResolvedOperation) {
            (name, subject) = (operation.phrase, "\(operation)")
            trace = CallTrace.current ?? CallTrace(caller: "this process")
        }

        /// A part of another call, or the same, begun now.
        init(partOf call: Call) { (name, subject, trace) = (call.name, call.subject, call.trace) }

        func metadata(_ code: String) -> Logger.Metadata {
            trace.metadata(["duration": "\(began.duration(to: .now))", "code": "\(code)"])
        }
    }

    /// Runs an operation that changes nothing. It waits for no other operation, and its caller not longer than it wants.
    private func read<Operation: ResolvedOperation>(
        _ operation: Operation, _ call: Call
    ) async throws(StorageError) -> Operation.Answer {
        let use = SystemDiskUse.current
        do throws(StorageError) {
            return try await leaving { [self] () async throws(StorageError) in try await run(operation, call, use) }
        } catch {
            throw logged(error, of: call)
        }
    }

    private func answer<Operation: ResolvedOperation>(
        atOnceTo operation: Operation
    ) throws(StorageError) -> Operation.Answer? {
        do throws(StorageError) { return try backend.answer(atOnce: operation) } catch {
            throw logged(error, of: Call(operation))
        }
    }

    /// The error of a query for its caller.
    private func logged(_ error: StorageError, of call: Call) -> StorageError {
        let error = error.during(call.name, call.subject).displayed(in: settings.paths)
        logger.debug("\(error)", metadata: call.trace.metadata(["code": "\(error.code)"]))
        return error
    }

    /// Runs an operation that changes something: alone on its keys, to its end, with one log line.
    private func change<Operation: ResolvedOperation>(
        _ operation: Operation, _ call: Call, _ keys: [LockKey], joinable: Bool
    ) async throws(StorageError) -> Operation.Answer {
        let use = SystemDiskUse.current
        let registered = RegisteredOperation(
            call.name, call.subject, keys: try await held(keys, call),
            // A caller that may use the system's disks does what others may not.
            value: joinable && use == nil ? operation : nil, within: resolver.confinement)
        do throws(StorageError) {
            return try await operations.perform(registered) { [self] () async throws(StorageError) in
                let begun = Call(partOf: call)
                do throws(StorageError) {
                    let answer = try await run(operation, call, use)
                    logger.info("\(registered)", metadata: begun.metadata("ok"))
                    return answer
                } catch {
                    let error = error.during(call.name, call.subject).displayed(in: settings.paths)
                    logger.warning("\(error)", metadata: begun.metadata("\(error.code)"))
                    throw error
                }
            }
        } catch {
            // These have not come from the operation, which may not even have begun.
            if error.code == .aborted || error.code == .cancelled {
                logger.notice(
                    "the call has ended, and not the operation in its way: \(error)",
                    metadata: call.metadata("\(error.code)"))
            }
            throw error
        }
    }

    /// The keys as the registry compares them: volumes by their disks, for partitions share a table and a disk goes
    /// offline as one; paths with one spelling for each place.
    private func held(_ keys: [LockKey], _ call: Call) async throws(StorageError) -> Set<LockKey> {
        var held: Set<LockKey> = []
        for key in keys {
            switch key {
            case .diskOf(let volume, .fail):
                held.insert(.disk(try await read(LastDiskOfVolume(volume: volume), call)))
            case .diskOf(let volume, .goOn):
                if let disk = try? await backend.perform(LastDiskOfVolume(volume: volume)) { held.insert(.disk(disk)) }
            case .entry(let path): held.insert(.entry(settings.paths.lockable(path)))
            case .tree(let path): held.insert(.tree(settings.paths.lockable(path)))
            case .disk, .inventory, .share, .service, .portal, .target, .initiator: held.insert(key)
            }
        }
        return held
    }

    /// Runs an operation, watched. It may be in the task of another call, whose values are not this one's.
    private func run<Operation: ResolvedOperation>(
        _ operation: Operation, _ call: Call, _ use: SystemDiskUse?
    ) async throws(StorageError) -> Operation.Answer {
        try await slowCalls.watch(call.name, call.subject, call.trace) {
            () async throws(StorageError) in
            // withValue throws what its closure throws, but without its type.
            let outcome = await SystemDiskUse.$current.withValue(use) {
                await CallTrace.$current.withValue(call.trace) { () async -> Result<Operation.Answer, StorageError> in
                    do throws(StorageError) {
                        return .success(try await backend.perform(operation))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return try outcome.get()
        }
    }
}
