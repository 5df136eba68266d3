// SPDX-License-Identifier: Apache-2.0

import HostStorage
import RPC
import StorageWire

/// A row as a method of the engine. Each call names its caller to the host.
///
/// When its deadline passes or its caller leaves, the engine cancels the call's task. The host's operation goes on: the
/// call only stops waiting for it (see ``OperationRegistry``).
struct ServedMethod: Sendable {
    let row: WireRow
    /// As HTTP/2 has it: "/v1.Disk/Rescan".
    let path: String
    let metrics: MethodMetrics
    private let service: VersionedService

    init(_ row: WireRow, of service: VersionedService, metrics: MethodMetrics) {
        (self.row, self.service, self.metrics) = (row, service, metrics)
        path = "/\(service.name)/\(row.method)"
    }

    var method: Method {
        Method(path) { [self] (call, request) throws(Status) in
            .later { () async throws(Status) in
                do {
                    return try await answer(request, by: PeerCredentials(call.peer))
                } catch {
                    throw Status(of: error)
                }
            }
        }
    }

    private func answer(_ request: [UInt8], by peer: PeerCredentials) async throws -> [UInt8] {
        let response = try await PeerCredentials.$current.withValue(peer) {
            try await CallTrace.$current.withValue(CallTrace(caller: "\(peer)")) {
                try await service.respond(row, by: peer) {
                    let call = try row.read(request)
                    metrics.countRequest()
                    return call
                }
            }
        }
        metrics.countResponse()
        return response
    }
}
