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
    var methods: [AuthorizedMethod] { group.rows(version).map { AuthorizedMethod($0, of: self) } }
}

extension MethodCatalogue {
    /// All that is served.
    public static let served: MethodCatalogue = APIGroup.allCases.flatMap { group in
        group.versions.flatMap { version in
            group.rows(version).map { MethodName(group: group, version: version, name: $0.method) }
        }
    }
}
