// SPDX-License-Identifier: Apache-2.0

public import Logging

/// A host's storage over some backend: the one place where every call, whoever makes it, has its paths
/// checked, is serialised with those in its way, and is logged.
public final class Host<Backend: StorageBackend>: StorageHost {
    public let settings: HostSettings
    public let backend: Backend
    /// What is under way.
    public let operations: OperationRegistry
    let logger: Logger
    /// What its callers may reach; nil for all that the settings allow.
    private let confinement: CallConfinement?

    public init(backend: Backend, settings: HostSettings, logger: Logger) {
        self.backend = backend
        self.settings = settings
        self.operations = OperationRegistry(patience: settings.patience)
        self.logger = logger
        confinement = nil
    }

    private init(_ host: Host, confinedTo confinement: CallConfinement) {
        backend = host.backend
        settings = host.settings
        operations = host.operations
        logger = host.logger
        self.confinement = confinement
    }

    public func confined(to confinement: CallConfinement) throws(StorageError) -> any StorageHost {
        guard self.confinement == nil else {
            throw StorageError(.internalError, "the host is confined already")
        }
        return Host(self, confinedTo: confinement)
    }

    /// Runs a call that changes something: alone on its keys, to its end, with one log line.
    func change<Answer: Sendable>(
        _ name: String, _ subject: String, keys: Set<LockKey>, isShared: Bool = true,
        _ body: @escaping @Sendable (Backend) async throws(StorageError) -> Answer
    ) async throws(StorageError) -> Answer {
        let operation = Operation(name, subject, keys: keys, isShared: isShared, within: confinement)
        let trace = CallTrace.current ?? CallTrace(caller: Self.ownCaller)
        let began = ContinuousClock.now
        do throws(StorageError) {
            return try await operations.perform(operation) {
                [backend, logger, paths = settings.paths] () async throws(StorageError) in
                let began = ContinuousClock.now
                do throws(StorageError) {
                    let answer = try await SlowCallWatch(logger: logger).watch(name, subject, trace) {
                        () async throws(StorageError) in
                        try await Self.traced(trace) { () async throws(StorageError) in try await body(backend) }
                    }
                    logger.info(
                        "\(operation)",
                        metadata: trace.metadata(["duration": "\(began.duration(to: .now))", "code": "ok"]))
                    return answer
                } catch {
                    let error = error.during(name, subject).told(by: paths)
                    logger.warning(
                        "\(error)",
                        metadata: trace.metadata([
                            "duration": "\(began.duration(to: .now))", "code": "\(error.code)",
                        ]))
                    throw error
                }
            }
        } catch {
            // These have not come from the operation, which may not even have begun.
            if error.code == .aborted || error.code == .cancelled {
                logger.notice(
                    "the call has ended, and not the operation in its way: \(error)",
                    metadata: trace.metadata(["duration": "\(began.duration(to: .now))", "code": "\(error.code)"]))
            }
            throw error
        }
    }

    /// Of calls that no one else makes.
    private static var ownCaller: String { "this process" }

    private static func traced<Answer>(
        _ trace: CallTrace, _ body: () async throws(StorageError) -> Answer
    ) async throws(StorageError) -> Answer {
        // withValue throws whatever its closure does, and forgets of what type it is.
        let outcome = await CallTrace.$current.withValue(trace) { () async -> Result<Answer, StorageError> in
            do throws(StorageError) { return .success(try await body()) } catch { return .failure(error) }
        }
        return try outcome.get()
    }

    /// Runs a call that changes nothing. It waits for nobody.
    func ask<Answer>(
        _ name: String, _ subject: String, _ body: (Backend) async throws(StorageError) -> Answer
    ) async throws(StorageError) -> Answer {
        let trace = CallTrace.current ?? CallTrace(caller: Self.ownCaller)
        do throws(StorageError) {
            return try await SlowCallWatch(logger: logger).watch(name, subject, trace) {
                () async throws(StorageError) in
                try await Self.traced(trace) { () async throws(StorageError) in try await body(backend) }
            }
        } catch {
            let error = error.during(name, subject).told(by: settings.paths)
            logger.debug("\(error)", metadata: trace.metadata(["code": "\(error.code)"]))
            throw error
        }
    }

    func resolve(
        _ text: String, driveless: PathPolicy.DrivelessPaths = .refused, for name: String
    ) throws(StorageError) -> HostPath {
        do throws(StorageError) {
            let path = try settings.paths.resolve(text, driveless: driveless)
            guard !settings.paths.isOfShares(path) else {
                throw StorageError(.denied, "shares are mounted there, for links alone to lead to", subject: "\(path)")
            }
            let confined = path.confined(to: confinement)
            try settings.paths.requireConfinable(confined)
            return confined
        } catch {
            throw error.during(name)
        }
    }

    /// What a call that changes something at `path` holds.
    func key(of path: HostPath) -> LockKey { .path(settings.paths.lockable(path)) }
}
