// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import Logging

// Each portal and each target has a queue of its own, and no queue is held while a program runs: so one that does not
// answer delays no other.
extension LinuxBackend {
    public func addPortal(_ portal: ISCSIPortal) async throws(StorageError) {
        let program = try InitiatorProgram()
        // Adding it again would make open-iscsi forget the targets that were discovered there.
        if try await record(of: portal) != nil { return }
        try await program.add(portal)
    }

    public func portals() async throws(StorageError) -> [ISCSIPortal] {
        _ = try InitiatorProgram()
        return try await queues.run(in: .bus("portals")) { () throws(StorageError) in
            try NodeDatabase.ofThisHost.portals()
        }
    }

    public func removePortal(_ portal: ISCSIPortal) async throws(StorageError) {
        let program = try InitiatorProgram()
        let record = try await requireRecord(of: portal)
        let addresses = try await addresses(of: portal)
        try await queues.run(in: .portal(portal)) { () throws(StorageError) in
            try NodeDatabase.ofThisHost.relink(record, at: addresses)
        }
        // With the records that it links to.
        try await program.remove(record)
        try await queues.run(in: .portal(portal)) { () throws(StorageError) in
            try NodeDatabase.ofThisHost.dropRemains(of: record)
        }
    }

    public func discoverTargets(at portal: ISCSIPortal) async throws(StorageError) -> [ISCSIName] {
        let program = try InitiatorProgram()
        return try await program.discover(at: requireRecord(of: portal))
    }

    public func connectTarget(
        _ target: ISCSITarget, as authentication: ISCSIAuthentication
    ) async throws(StorageError) {
        let program = try InitiatorProgram()
        let disks = try await disksBehind(target)
        let sessions = try await queues.run(in: .target(target)) { () throws(StorageError) in try disks.all() }
        if !sessions.contains(where: { $0.isLoggedIn || $0.isWaiting }) {
            _ = try await requireRecord(of: target.portal)
            let record = try await requireRecord(of: target, at: disks.addresses)
            let proofs = try await proofs(authentication, record, target)
            do throws(StorageError) {
                try await logIn(record, target, proofs, program)
                try await requireProven(proofs, disks, target, program)
            } catch  where error.code == .alreadyExists {
                // Another process has logged in meanwhile, or is about to.
            }
        }
        try await queues.run(in: .target(target)) { () throws(StorageError) in try disks.wait() }
    }

    public func disconnectTarget(_ target: ISCSITarget) async throws(StorageError) {
        let program = try InitiatorProgram()
        let disks = try await disksBehind(target)
        let sessions = try await queues.run(in: .target(target)) { () throws(StorageError) in try disks.all() }
        if sessions.isEmpty { return }
        try await logOut(of: sessions, disks, target, program)
    }

    public func disks(of target: ISCSITarget) async throws(StorageError) -> [DiskNumber] {
        let disks = try await disksBehind(target)
        return try await queues.run(in: .target(target)) { () throws(StorageError) in try disks.disks().map(\.number) }
    }

    public func setMutualCHAPSecret(_ secret: Secret) async throws(StorageError) {
        initiator.setMutualSecret(secret)
    }

    // MARK: - Records

    /// The portal as its record spells it; nil where it was not added.
    private func record(of portal: ISCSIPortal) async throws(StorageError) -> ISCSIPortal? {
        try await queues.run(in: .portal(portal)) { () throws(StorageError) in
            try NodeDatabase.ofThisHost.name(of: portal)
        }
    }

    private func requireRecord(of portal: ISCSIPortal) async throws(StorageError) -> ISCSIPortal {
        guard let record = try await record(of: portal) else {
            throw StorageError(.notFound, "the portal has not been added", subject: "\(portal)")
        }
        return record
    }

    private func requireRecord(
        of target: ISCSITarget, at addresses: Set<PortalAddress>
    ) async throws(StorageError) -> NodeRecord {
        let records = try await queues.run(in: .target(target)) { () throws(StorageError) in
            try NodeDatabase.ofThisHost.records(of: target.name)
        }
        if let record = records.first(where: { addresses.contains($0.address) }) { return record }
        let portals = records.map { "\($0.portal)" }
        throw StorageError(
            .notFound,
            portals.isEmpty
                ? "the target has not been discovered"
                : "the target has been discovered at \(portals.joined(separator: ", ")) alone", subject: "\(target)")
    }

    private func addresses(of portal: ISCSIPortal) async throws(StorageError) -> Set<PortalAddress> {
        let own = PortalAddress(portal.address, port: portal.port)
        if own.isNumeric { return [own] }
        return try await queues.run(in: .portal(portal), timeout: .seconds(10)) { () throws(StorageError) in
            PortalAddress.all(of: portal)
        }
    }

    private func disksBehind(_ target: ISCSITarget) async throws(StorageError) -> TargetDisks {
        TargetDisks(
            inventory: inventory, sessions: SessionTable(), name: target.name,
            addresses: try await addresses(of: target.portal))
    }

    // MARK: - Login

    private func proofs(
        _ authentication: ISCSIAuthentication, _ record: NodeRecord, _ target: ISCSITarget
    ) async throws(StorageError) -> LoginRecord.Proofs {
        switch authentication {
        case .none: return LoginRecord.Proofs()
        case .oneWay(let host): return LoginRecord.Proofs(host: host)
        case .mutual(let host, let proof?): return LoginRecord.Proofs(host: host, target: proof)
        case .mutual(let host, nil):
            let secret = try initiator.mutualSecret()
            // open-iscsi needs the name by which the target is going to prove itself, and callers need not know it.
            let name = try await queues.run(in: .target(target)) { () throws(StorageError) in
                try MutualCHAPNameProbe.name(ofTarget: record, host: host)
            }
            return LoginRecord.Proofs(host: host, target: try CHAP(name: name, secret: secret))
        }
    }

    private func logIn(
        _ record: NodeRecord, _ target: ISCSITarget, _ proofs: LoginRecord.Proofs, _ program: InitiatorProgram
    ) async throws(StorageError) {
        let temporary = try await queues.run(in: .target(target)) { () throws(StorageError) in
            try TemporaryNodeRecord(record, timeout: .seconds(20)) { text throws(StorageError) in
                try LoginRecord.text(from: text, proofs)
            }
        }
        let failure: StorageError?
        do throws(StorageError) {
            try await program.logIn(record, hiding: proofs.secrets)
            failure = nil
        } catch {
            failure = error
        }
        // Whether or not the caller is still there.
        await Task { [queues, logger] in
            do throws(StorageError) {
                try await queues.run(in: .target(target)) { () throws(StorageError) in try temporary.restore() }
            } catch {
                logger.warning("the record of a target is still replaced: \(error)", metadata: ["target": "\(target)"])
            }
        }.value
        guard let failure else { return }
        // open-iscsi does not distinguish a target that does not prove itself, or takes no CHAP, from other refusals.
        guard proofs.host != nil, failure.isExit(.loginRefused) else { throw failure }
        throw StorageError(
            .denied,
            proofs.target == nil
                ? "the target refuses a login with CHAP" : "the target does not prove the mutual CHAP secret",
            subject: "\(target)", cause: failure.cause)
    }

    /// A record that another process has replaced during the login lacks its proofs, and a target may ask for none.
    private func requireProven(
        _ proofs: LoginRecord.Proofs, _ disks: TargetDisks, _ target: ISCSITarget, _ program: InitiatorProgram
    ) async throws(StorageError) {
        let others = try await queues.run(in: .target(target)) { () throws(StorageError) in
            var others: [Session] = []
            for session in try disks.all() {
                let (host, target) = (proofs.host?.name, proofs.target?.name)
                if try !disks.sessions.isProven(session, host: host, target: target) { others.append(session) }
            }
            return others
        }
        if others.isEmpty { return }
        // It checks for use first: one of them can be another process's by now.
        try await logOut(of: others, disks, target, program)
        throw StorageError(
            .unavailable, "the target's record was made anew during the login; log in again", subject: "\(target)")
    }

    /// Restores the records that a killed process has left replaced.
    func recoverLogins() async {
        do throws(StorageError) {
            let errors = try await queues.run(in: .bus("portals")) { () throws(StorageError) in
                TemporaryNodeRecord.restoreAll(in: .ofThisHost)
            }
            for error in errors { logger.warning("recovery of an interrupted iSCSI login: \(error)") }
        } catch {
            logger.warning("recovery of interrupted iSCSI logins: \(error)")
        }
    }

    // MARK: - Logout

    /// Fails, and leaves all of them, where a disk of theirs is in use.
    private func logOut(
        of sessions: [Session], _ disks: TargetDisks, _ target: ISCSITarget, _ program: InitiatorProgram
    ) async throws(StorageError) {
        let leaving = DetachClaims()
        let failure: StorageError?
        do throws(StorageError) {
            for session in sessions { try await requireUnused(session, leaving) }
            for session in sessions { try await program.logOut(session) }
            try await queues.run(in: .target(target)) { () throws(StorageError) in try disks.waitForEnd(of: sessions) }
            failure = nil
        } catch {
            failure = error
        }
        // Whether or not the caller is still there.
        await Task { [queues] in try? await queues.run(in: .target(target)) { leaving.end() } }.value
        if let failure { throw failure }
    }

    private func requireUnused(_ session: Session, _ leaving: DetachClaims) async throws(StorageError) {
        for name in session.units.compactMap(\.block) {
            guard session.isLoggedIn else {
                try await queues.run(in: .bus("session\(session.id)")) { () throws(StorageError) in
                    try DetachClaims.requireUnused(unreachable: name)
                }
                continue
            }
            try await queues.run(in: .disk(name: name), timeout: .seconds(30)) { () throws(StorageError) in
                try leaving.add(name)
            }
        }
    }
}

extension StorageError {
    fileprivate func isExit(_ status: InitiatorProgram.Status) -> Bool {
        if case .program(_, status.rawValue, _) = cause { true } else { false }
    }
}
