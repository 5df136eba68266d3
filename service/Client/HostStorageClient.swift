// SPDX-License-Identifier: Apache-2.0

import CUnixSocket
public import HostStorage
public import StorageVersions
import StorageWire

/// A host's storage over the proxy's sockets: the same operations as ``LocalHost``, so that a program changes from
/// linked to proxied by changing one constructor.
///
/// Of each group it uses the newest version whose socket exists; operations that this version lacks fail with
/// ``StorageError/Code/unsupported``. Calls of a group that has no socket there fail with
/// ``StorageError/Code/unavailable``: a container gets only the sockets that it is to use.
public final class HostStorageClient: StorageHost {
    private let services: [APIGroup: ServiceClient]
    /// The versions in use, of the groups that have a socket.
    public let versions: [APIGroup: APIVersion]

    /// - Parameters:
    ///   - pipeDirectory: the directory of the sockets.
    ///   - versions: the version to use of a group, where it is not to be the newest.
    ///   - deadline: how long a call may take; without one it may take for ever.
    ///   - connectTimeout: how long a connection may take.
    public init(
        pipeDirectory: String = "/run/csi-proxy", versions: [APIGroup: APIVersion] = [:], deadline: Duration? = nil,
        connectTimeout: Duration = .seconds(5)
    ) throws(StorageError) {
        var found: [APIGroup: APIVersion] = [:]
        for group in APIGroup.allCases {
            let candidates = versions[group].map { [$0] } ?? group.versions
            found[group] = candidates.first { cus_is_live("\(pipeDirectory)/\(group.socketName($0))") == 1 }
            guard found[group] != nil || versions[group] == nil else {
                throw StorageError(
                    .unavailable, "no server listens there for that version of the \(group.rawValue) group",
                    subject: pipeDirectory)
            }
        }
        guard !found.isEmpty else {
            throw StorageError(.unavailable, "no server listens there", subject: pipeDirectory)
        }
        self.versions = found
        var services: [APIGroup: ServiceClient] = [:]
        for group in APIGroup.allCases {
            // Without a socket the newest will do: it is missing like the others.
            let version = found[group] ?? group.versions[0]
            let path = "\(pipeDirectory)/\(group.socketName(version))"
            services[group] = ServiceClient(
                group: group, version: version,
                connection: SocketConnection(path: path, connectTimeout: connectTimeout), deadline: deadline)
        }
        self.services = services
    }

    public func perform<Operation: HostOperation>(
        _ operation: Operation
    ) async throws(StorageError) -> Operation.Answer {
        guard let group = APIGroup.having(Operation.self), let service = services[group] else {
            throw StorageError(.unsupported, "the proxy does not offer it", operation: operation.phrase)
        }
        return try await service.perform(operation)
    }
}
