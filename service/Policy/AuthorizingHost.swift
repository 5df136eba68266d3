// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import Synchronization

/// The host as one call may use it: each operation is compared with the call's ``Authorization`` before it is performed.
///
/// Disk numbers are never given out twice, so the facts about a disk hold when the host then works on it. The host
/// itself compares paths, where it opens them, with the rule's confinement.
public struct AuthorizingHost: StorageHost {
    private let host: any StorageHost
    private let authorization: Authorization
    private let paths: PathPolicy
    private let resolver: OperationResolver

    /// - Parameter paths: those of the host.
    public init(_ host: any StorageHost, for authorization: Authorization, paths: PathPolicy) {
        self.host = host
        self.authorization = authorization
        self.paths = paths
        resolver = OperationResolver(paths: paths)
    }

    /// A refusal reveals no more than the caller's own words, whether the subject exists or not.
    public func perform<Operation: HostOperation>(
        _ operation: Operation
    ) async throws(StorageError) -> Operation.Answer {
        let resolved = try resolved(operation)
        let call = Call(resolved)
        let rules = try await rules(for: call)
        let placed = PlacedOperation(operation, as: resolved, subjects: call.subjects)
        let answer = try await namingSystemDisks(if: resolved.mayUseSystemDisks) { () async throws(StorageError) in
            try await by(rules, call) { host throws(StorageError) in
                if let placed { try await host.perform(placed) } else { try await host.perform(operation) }
            } limitedTo: { answer, confinement in
                Operation.Resolved.replacingHolders(of: answer) { $0.limited(to: confinement, by: paths) }
            }
        }
        let named = Operation.Resolved.subjects(of: answer)
        guard authorization.hasDevices, !named.isEmpty else { return answer }
        return try await authorized(answer, naming: named, operation, call)
    }

    /// Only questions about paths, of callers whose rules name no devices: what is to be compared, the host compares.
    public func answer<Operation: HostOperation>(
        atOnce operation: Operation
    ) throws(StorageError) -> Operation.Answer? {
        let resolved = try resolved(operation)
        let call = Call(resolved)
        guard !call.isChange, !authorization.hasDevices,
            let placed = PlacedOperation(operation, as: resolved, subjects: call.subjects)
        else { return nil }
        return try answer(atOnce: placed, call)
    }

    private func answer<Operation: HostOperation>(
        atOnce placed: PlacedOperation<Operation>, _ call: Call
    ) throws(StorageError) -> Operation.Answer? {
        for confinement in call.hasPaths ? authorization.confinements : [nil] {
            guard let confinement else { return try host.answer(atOnce: placed) }
            do throws(StorageError) {
                return try host.confined(to: confinement).answer(atOnce: placed)
            } catch {
                if !error.isOfConfinement { throw error.limited(to: confinement, by: paths) }
            }
        }
        throw refusal(of: call.subjects)
    }

    private func resolved<Operation: HostOperation>(
        _ operation: Operation
    ) throws(StorageError) -> Operation.Resolved {
        guard !authorization.rules.isEmpty else { throw authorization.refusal(of: "\(operation)") }
        do throws(StorageError) { return try operation.resolved(by: resolver) } catch {
            throw error.during(operation.phrase, "\(operation)")
        }
    }

    /// An event that names a subject that no rule permits is left out. A disk that has gone has no names to compare any
    /// more: its end is reported to the readers that its appearance was reported to.
    public func watch<Watch: HostWatch>(_ watch: Watch) async throws(StorageError) -> HostEvents<Watch.Event> {
        guard !authorization.rules.isEmpty else { throw authorization.refusal(of: "\(watch)") }
        let resolved: Watch.Resolved
        do throws(StorageError) { resolved = try watch.resolved(by: resolver) } catch {
            throw error.during(watch.phrase, "\(watch)")
        }
        let call = Call(watching: resolved.subjects)
        let events = try await by(rules(permitting: call.subjects, call), call) { host throws(StorageError) in
            try await host.watch(watch)
        }
        guard authorization.hasDevices else { return events }
        let seen = Mutex<Set<Subject>>([])
        return HostEvents { [self] () async throws(StorageError) in
            while let event = try await events.next() {
                let named = Watch.Resolved.subjects(of: event)
                if seen.withLock({ $0.isSuperset(of: named) }) { return event }
                guard try await permitted(of: named).isSuperset(of: named) else { continue }
                seen.withLock { $0.formUnion(named) }
                return event
            }
            return nil
        }
    }

    /// The subjects of a call and its consequences.
    private struct Call {
        let subjects: [Subject]
        let isChange: Bool
        let consequence: Consequence

        init(_ operation: some ResolvedOperation) {
            subjects = operation.subjects
            isChange = operation.effect != .read
            consequence = operation.consequence
        }

        init(watching subjects: [Subject]) {
            self.subjects = subjects
            isChange = false
            consequence = .none
        }

        var hasPaths: Bool { subjects.contains { if case .path = $0 { true } else { false } } }
    }

    // MARK: - Before the call

    /// The rules that allow all subjects and consequences of the call, but its paths, which only the host can compare.
    private func rules(for call: Call) async throws(StorageError) -> [AccessRule] {
        let rules = try await rules(permitting: call.subjects, call)
        let changed: [Subject]
        switch call.consequence {
        case .none: return rules
        case .changesServices(let service, let dependents):
            changed = try await host.servicesChanged(with: service, dependents: dependents).map(Subject.service)
        case .takesAwayDisks(let target):
            guard authorization.hasDevices else { return rules }
            changed = try await host.disks(of: target).map(Subject.disk)
        }
        return try await self.rules(permitting: call.subjects + changed.filter { !call.subjects.contains($0) }, call)
    }

    /// One at least.
    private func rules(permitting subjects: [Subject], _ call: Call) async throws(StorageError) -> [AccessRule] {
        let compared = try await ruleSubjects(subjects, call)
        let rules = authorization.rules.filter { rule in compared.allSatisfy(rule.permits) }
        guard !rules.isEmpty else { throw refusal(of: subjects) }
        return rules
    }

    private func refusal(of subjects: [Subject]) -> StorageError { authorization.refusal(of: Self.text(subjects)) }

    private static func text(_ subjects: [Subject]) -> String {
        subjects.map { subject in if case .disk(let disk) = subject { "disk \(disk)" } else { "\(subject)" } }
            .joined(separator: " ")
    }

    /// The subjects in the form that rules compare. Looks up only what a rule needs.
    private func ruleSubjects(_ subjects: [Subject], _ call: Call) async throws(StorageError) -> [RuleSubject] {
        var found: [RuleSubject] = []
        for subject in subjects {
            switch subject {
            // A caller of the method may ask about every service: reading changes nothing.
            case .service(let service): if call.isChange { found.append(.service(service)) }
            case .disk, .volume:
                if authorization.hasDevices { found.append(.disk(try await identifiers(of: subject, call))) }
            case .path, .share, .portal, .target: break
            }
        }
        return found
    }

    /// The names of the disk that is named, or carries the volume that is named. A disk that is not there has names
    /// that match nothing, so that a refusal does not reveal which disks of others exist.
    private func identifiers(of subject: Subject, _ call: Call) async throws(StorageError) -> DiskIdentifiers {
        let nameless = DiskIdentifiers(page83: "", serialNumber: "")
        do throws(StorageError) {
            switch subject {
            case .disk(let disk): return try await host.perform(IdentifiersOfDisk(disk: disk))
            case .volume(let volume):
                let disk = try await host.perform(LastDiskOfVolume(volume: volume))
                return try await host.perform(IdentifiersOfDisk(disk: disk))
            case .path, .share, .service, .portal, .target: return nameless
            }
        } catch {
            if error.code == .notFound { return nameless }
            // Its text can name disks of others.
            throw StorageError(error.code, "it is unknown on which disk it is; try again")
                .during("\(authorization.method)", Self.text(call.subjects))
        }
    }

    // MARK: - The call

    /// Runs `body` with the host as one of the rules allows it, that allows all of the call.
    private func by<Answer: Sendable>(
        _ rules: [AccessRule], _ call: Call, _ body: (any StorageHost) async throws(StorageError) -> Answer,
        limitedTo limit: (Answer, CallConfinement) -> Answer = { answer, _ in answer }
    ) async throws(StorageError) -> Answer {
        for confinement in call.hasPaths ? Authorization.confinements(of: rules) : [nil] {
            guard let confinement else { return try await body(host) }
            do throws(StorageError) {
                return limit(try await body(host.confined(to: confinement)), confinement)
            } catch {
                if !error.isOfConfinement { throw error.limited(to: confinement, by: paths) }
            }
        }
        throw refusal(of: call.subjects)
    }

    /// Has the host perform an operation that affects a disk of the running system only where a rule of the call names
    /// that disk.
    private func namingSystemDisks<Answer: Sendable>(
        if mayUse: Bool, _ body: @Sendable () async throws(StorageError) -> Answer
    ) async throws(StorageError) -> Answer {
        let rules = authorization.rules.filter(\.namesDisks)
        guard mayUse, !rules.isEmpty else { return try await body() }
        let outcome = await SystemDiskUse.$current.withValue(
            SystemDiskUse { disk in rules.contains { $0.names(disk) } }
        ) {
            () async -> Result<Answer, StorageError> in
            do throws(StorageError) { return .success(try await body()) } catch { return .failure(error) }
        }
        return try outcome.get()
    }

    // MARK: - After the call

    /// The answer, limited to disks that the caller may see.
    private func authorized<Operation: HostOperation>(
        _ answer: Operation.Answer, naming named: [Subject], _ operation: Operation, _ call: Call
    ) async throws(StorageError) -> Operation.Answer {
        if let limited = Operation.Resolved.limit(answer, to: try await permitted(of: named)) { return limited }
        // By one rule as a whole: the roots of one and the devices of another do not add up.
        let subjects = try await ruleSubjects(call.subjects + named, call)
        for rule in authorization.rules where subjects.allSatisfy(rule.permits) {
            guard let confinement = rule.confinement else { return answer }
            let confined = try host.confined(to: confinement)
            let again = try? await namingSystemDisks(if: true) { () async throws(StorageError) in
                try await confined.perform(operation)
            }
            if let again, Operation.Resolved.subjects(of: again) == named { return answer }
        }
        throw refusal(of: call.subjects)
    }

    /// Those of the disks that the caller may see.
    private func permitted(of named: [Subject]) async throws(StorageError) -> Set<Subject> {
        let identifiers = try await host.diskIdentifiers()
        return Set(
            named.filter { subject in
                guard case .disk(let disk) = subject, let names = identifiers[disk] else { return false }
                return authorization.rules.contains { $0.permits(.disk(names)) }
            })
    }
}

extension StorageError {
    /// Without the places of others that hold a mount or a disk.
    fileprivate func limited(to confinement: CallConfinement, by paths: PathPolicy) -> StorageError {
        var error = self
        error.holders = holders.map { $0.limited(to: confinement, by: paths) }
        return error
    }
}

extension Holder {
    /// Without its place, where that is another's.
    fileprivate func limited(to confinement: CallConfinement, by paths: PathPolicy) -> Holder {
        guard case .mount(let target, let process) = self else { return self }
        let place = (try? paths.resolve(target)) ?? (try? paths.place(hostPath: target))
        guard let place, paths.isConfinable(place.confined(to: confinement)) else {
            return .mount(target: "a place outside of the caller's directories", seenByProcess: process)
        }
        return self
    }
}
