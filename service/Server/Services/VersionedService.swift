// SPDX-License-Identifier: Apache-2.0

import HostStorage
public import StorageAccess
import StorageVersions
import StorageWire

/// One version of a group: its rows under its name, over a host.
struct VersionedService: Sendable {
    let group: APIGroup
    let version: APIVersion
    let host: any StorageHost
    let access: AccessControl

    var name: String { group.serviceName(version) }
    var rows: [WireRow] { group.rows(version) }

    /// The refusal of a caller without any rule for the method, before its request is read; nil for others. It is logged.
    func refusal(of row: WireRow, to peer: PeerCredentials) -> StorageError? {
        let method = MethodName(group: group, version: version, name: row.method)
        let authorization = access.authorization(of: peer, for: method)
        guard authorization.rules.isEmpty else { return nil }
        let refusal = authorization.refusal()
        access.log(refusal, of: method, by: peer)
        return refusal
    }

    /// Answers a request of one row.
    ///
    /// The one place where a call's subjects are authorised. A row can answer by the host that it is given alone, so a
    /// new one cannot forget it.
    ///
    /// - Throws: the error for the caller, a ``StorageError`` unless the request could not be read.
    func respond(
        _ row: WireRow, by peer: PeerCredentials, to read: () async throws -> WireRow.Call
    ) async throws -> [UInt8] {
        let method = MethodName(group: group, version: version, name: row.method)
        let authorization = access.authorization(of: peer, for: method)
        do {
            let call = try await read()
            return try await call(AuthorizingHost(host, for: authorization, paths: access.paths))
        } catch {
            if let refusal = error as? StorageError, refusal.code == .denied {
                access.log(refusal, of: method, by: peer)
                throw refusal
            }
            // A caller that may not call does not learn what else is wrong with its request.
            guard !authorization.rules.isEmpty else {
                access.log(authorization.refusal(), of: method, by: peer)
                throw authorization.refusal()
            }
            throw error
        }
    }
}

extension MethodCatalogue {
    /// All that is served.
    public static let served: MethodCatalogue = APIGroup.allCases.flatMap { group in
        group.versions.flatMap { version in
            group.rows(version).map { MethodName(group: group, version: version, name: $0.method) }
        }
    }
}
