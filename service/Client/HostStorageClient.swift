// SPDX-License-Identifier: Apache-2.0

import CUnixSocket
public import HostStorage
public import StorageVersions

/// A host's storage, spoken to over the proxy's sockets: the same operations as ``Host``, so that a program
/// changes from linked to proxied by changing one constructor.
///
/// Of each group it uses the newest version whose socket exists. What that version lacks fails with
/// ``StorageError/Code/unsupported``.
public final class HostStorageClient: StorageHost {
    let disk: ServiceClient
    let volume: ServiceClient
    let filesystem: ServiceClient

    /// - Parameters:
    ///   - pipeDirectory: the directory of the sockets.
    ///   - versions: the version to use of a group, where it is not to be the newest.
    ///   - deadline: how long a call may take; without one it may take for ever.
    ///   - connectTimeout: how long a connection may take.
    public init(
        pipeDirectory: String = "/run/csi-proxy", versions: [APIGroup: APIVersion] = [:], deadline: Duration? = nil,
        connectTimeout: Duration = .seconds(5)
    ) throws(StorageError) {
        func service(_ group: APIGroup) throws(StorageError) -> ServiceClient {
            let candidates = versions[group].map { [$0] } ?? group.versions
            for version in candidates {
                let path = "\(pipeDirectory)/\(group.socketName(version))"
                guard cus_is_live(path) == 1 else { continue }
                return ServiceClient(
                    group: group, version: version,
                    connection: SocketConnection(path: path, connectTimeout: connectTimeout), deadline: deadline)
            }
            throw StorageError(
                .unavailable, "no server listens there for the \(group.rawValue) group", subject: pipeDirectory)
        }
        disk = try service(.disk)
        volume = try service(.volume)
        filesystem = try service(.filesystem)
    }

    /// The versions in use.
    public var versions: [APIGroup: APIVersion] {
        [.disk: disk.version, .volume: volume.version, .filesystem: filesystem.version]
    }
}

extension APIVersion {
    /// Whether the version is this one or a later one: `version.isAtLeast("v1beta3")`.
    func isAtLeast(_ text: String) -> Bool { APIVersion(text).map { self >= $0 } ?? false }
}
