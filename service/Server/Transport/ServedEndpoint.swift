// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Logging
import NIOCore
import RPC
import StorageAccess
import StorageWire

/// A service as the engine serves it on its socket: its methods, and who may call them.
struct ServedEndpoint: Gate {
    private let service: VersionedService
    private let metrics: CallMetrics
    private let logger: Logger
    private let methods: [String: ServedMethod]

    init(_ service: VersionedService, metrics: CallMetrics, logger: Logger) {
        (self.service, self.metrics, self.logger) = (service, metrics, logger)
        methods = Dictionary(
            uniqueKeysWithValues: service.methods.map { authorized in
                let served = ServedMethod(
                    authorized, metrics: metrics.method(authorized.row.method, of: service.name))
                return (served.path, served)
            })
    }

    /// - Parameters:
    ///   - server: whose end its health is about.
    ///   - describesItself: whether it has gRPC's server reflection.
    func endpoint(of server: Server, connectionLimit: Int, describesItself: Bool) throws -> Endpoint {
        var all = methods.values.map(\.method) + HealthService(of: [service.name]).methods(of: server)
        if describesItself {
            let names = [service.name, HealthService.name] + ReflectionService.names
            all += try ReflectionService(of: names, describedBy: service.group.descriptors(service.version)).methods
        }
        return Endpoint(all, gate: self, connectionLimit: connectionLimit)
    }

    func isKnown(_ peer: Peer) -> Bool {
        service.access.admits(PeerCredentials(peer), to: service.group, service.version)
    }

    /// Nothing of the request of a caller without a rule is read. Health and reflection
    /// are for all that may use anything.
    func refusal(of call: Call) -> Status? {
        if let method = methods[call.path] {
            return method.authorized.refusal(to: PeerCredentials(call.peer))?.status
        }
        return isKnown(call.peer) ? nil : Status(.permissionDenied, "the policy does not allow it")
    }

    func began(_ call: Call) { methods[call.path]?.metrics.countStart() }

    func ended(_ call: Call, _ code: StatusCode) {
        guard let method = methods[call.path] else { return }
        let duration = NIODeadline.now() - call.began
        method.metrics.countEnd(after: duration, code)
        // A caller that has left has received nothing, and its operation may still be under way.
        let isLeft = code == .cancelled || code == .deadlineExceeded
        logger.log(
            level: isLeft ? .notice : .debug, "\(method.authorized.name): \(code)",
            metadata: ["peer": "\(PeerCredentials(call.peer))", "duration": "\(Duration(duration))"])
    }

    func refusedUnknownMethod(by peer: Peer) { metrics.countUnknownMethod(of: service.name) }
}
