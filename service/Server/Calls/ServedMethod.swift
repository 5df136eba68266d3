// SPDX-License-Identifier: Apache-2.0

import HostStorage
import RPC
import StorageWire

/// A method of a service as a method of the engine.
///
/// When its deadline passes or its caller leaves, the engine cancels the call's task. The host's operation goes on: the
/// call only stops waiting for it (see ``OperationRegistry``).
final class ServedMethod: Sendable {
    /// As HTTP/2 has it: "/v1.Disk/Rescan".
    let path: String
    let metrics: MethodMetrics
    let authorized: AuthorizedMethod

    init(_ authorized: AuthorizedMethod, metrics: MethodMetrics) {
        (self.authorized, self.metrics) = (authorized, metrics)
        path = "/\(authorized.name)"
    }

    var method: Method {
        Method(path) { [self] (call, request) throws(Status) in
            let peer = PeerCredentials(call.peer)
            let trace = CallTrace(caller: "\(peer)")
            do {
                switch try CallTrace.$current.withValue(trace, operation: { try respond(to: request, by: peer) }) {
                case .now(let response): return .now(counted(response))
                case .later(let work):
                    return .later { [self] () async throws(Status) in
                        do {
                            return counted(try await CallTrace.$current.withValue(trace, operation: work))
                        } catch {
                            throw Status(of: error)
                        }
                    }
                }
            } catch {
                throw Status(of: error)
            }
        }
    }

    private func respond(to request: [UInt8], by peer: PeerCredentials) throws -> AuthorizedMethod.Response {
        try authorized.respond(by: peer) {
            let call = try authorized.row.read(request)
            metrics.countRequest()
            return call
        }
    }

    private func counted(_ response: [UInt8]) -> [UInt8] {
        metrics.countResponse()
        return response
    }
}
