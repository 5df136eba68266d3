// SPDX-License-Identifier: Apache-2.0

package import HostStorage
import StorageAccess
import StorageVersions
import StorageWire

/// Answers requests as they come from a socket, without one: to search for bytes that break a decoder or the code
/// behind it.
package struct RequestReplay: Sendable {
    private let access: AccessControl

    /// - Parameters:
    ///   - access: decides about calls.
    package init(access: AccessControl) { self.access = access }

    /// All methods that there are, in an order that does not change.
    package static let methodCount = rows.count

    private static let rows: [(APIGroup, APIVersion, WireRow)] = APIGroup.allCases.flatMap { group in
        group.versions.flatMap { version in group.rows(version).map { (group, version, $0) } }
    }

    /// The response's bytes. Throws the error that the caller would get.
    ///
    /// - Parameters:
    ///   - method: below ``methodCount``.
    ///   - uid: the caller's.
    package func answer(_ request: [UInt8], to method: Int, by uid: UInt32, host: any StorageHost) async throws
        -> [UInt8]
    {
        let (group, version, row) = Self.rows[method]
        let service = VersionedService(group: group, version: version, host: host, access: access)
        let peer = PeerCredentials(pid: 1, uid: uid, gid: uid)
        switch try AuthorizedMethod(row, of: service).respond(by: peer, to: { try row.read(request) }) {
        case .now(let response): return response
        case .later(let response): return try await response()
        }
    }
}
