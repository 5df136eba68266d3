// SPDX-License-Identifier: Apache-2.0

import HostStorage
import StorageAccess
import StorageWire
import Synchronization

/// One method of one version of a group, over a host: the one place where a call's subjects are authorised.
///
/// What the policy says of a caller is looked up once, and again when another policy is in force.
final class AuthorizedMethod: Sendable {
    let row: WireRow
    let name: MethodName
    private let host: any StorageHost
    private let access: AccessControl
    private let known = Mutex(Known())

    /// A caller as policies see it: not the process, which may be new for each call.
    private struct Account: Hashable {
        let uid: UInt32
        let gid: UInt32
        let groups: [UInt32]
    }

    private struct Rights {
        let authorization: Authorization
        /// As the caller may use it.
        let host: any StorageHost
    }

    private struct Known {
        /// Of the policy that all of them are by.
        var generation: UInt64 = 0
        var rights: [Account: Rights] = [:]
    }

    /// More accounts than a node's plugins have.
    private static let maximumKnown = 64

    init(_ row: WireRow, of service: VersionedService) {
        self.row = row
        name = MethodName(group: service.group, version: service.version, name: row.method)
        (host, access) = (service.host, service.access)
    }

    private func rights(of peer: PeerCredentials) -> Rights {
        let account = Account(uid: peer.uid, gid: peer.gid, groups: peer.groups)
        // Before the policy is read: one that comes meanwhile is then looked up again.
        let generation = access.generation
        let found = known.withLock { $0.generation == generation ? $0.rights[account] : nil }
        if let found { return found }
        let authorization = access.authorization(of: peer, for: name)
        let rights = Rights(
            authorization: authorization, host: AuthorizingHost(host, for: authorization, paths: access.paths))
        known.withLock { known in
            if known.generation != generation || known.rights.count >= Self.maximumKnown {
                known = Known(generation: generation)
            }
            known.rights[account] = rights
        }
        return rights
    }

    /// The refusal of a caller without any rule for the method, before its request is read; nil for others. It is logged.
    func refusal(to peer: PeerCredentials) -> StorageError? {
        let authorization = rights(of: peer).authorization
        guard authorization.rules.isEmpty else { return nil }
        let refusal = authorization.refusal()
        access.log(refusal, of: name, by: peer)
        return refusal
    }

    enum Response: Sendable {
        case now([UInt8])
        case later(@Sendable () async throws -> [UInt8])
    }

    /// Answers a request: at once where that takes no wait.
    ///
    /// A row can answer by the host that it is given alone, so a new one cannot forget the policy.
    ///
    /// - Throws: the error for the caller, a ``StorageError`` unless the request could not be read. So does a response that
    ///   comes later.
    func respond(by peer: PeerCredentials, to read: () throws -> any WireRow.Call) throws -> Response {
        let rights = rights(of: peer)
        do {
            let call = try read()
            if let response = try call.answer(atOnceBy: rights.host) { return .now(response) }
            return .later { [self] in
                do { return try await call.answer(by: rights.host) } catch {
                    throw explained(error, to: peer, rights.authorization)
                }
            }
        } catch {
            throw explained(error, to: peer, rights.authorization)
        }
    }

    /// The error for the caller. A refusal is logged.
    private func explained(_ error: any Error, to peer: PeerCredentials, _ authorization: Authorization) -> any Error {
        if let refusal = error as? StorageError, refusal.code == .denied {
            access.log(refusal, of: name, by: peer)
            return refusal
        }
        // A caller that may not call does not learn what else is wrong with its request.
        guard authorization.rules.isEmpty else { return error }
        access.log(authorization.refusal(), of: name, by: peer)
        return authorization.refusal()
    }
}
