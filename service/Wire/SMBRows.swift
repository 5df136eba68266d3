// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageAPI
import StorageVersions
import SwiftProtobuf

/// The versions of the smb group. Before v1beta2 responses had an error, which is never filled: errors are the call's
/// status.
enum SMBRows {
    static func of(_ version: APIVersion) -> [WireRow] {
        switch "\(version)" {
        case "v1alpha1", "v1beta1":
            rows(V1beta1_NewSmbGlobalMappingResponse.self, V1beta1_RemoveSmbGlobalMappingResponse.self)
        case "v1beta2", "v1": rows(V1_NewSmbGlobalMappingResponse.self, V1_RemoveSmbGlobalMappingResponse.self)
        default: []
        }
    }

    private static func rows<Mapped: Message, Unmapped: Message>(
        _ mapped: Mapped.Type, _ unmapped: Unmapped.Type
    ) -> [WireRow] {
        [
            WireRow(
                "NewSmbGlobalMapping",
                operation: { (request: V1_NewSmbGlobalMappingRequest) in
                    let remote = try SMBRemotePath(request.remotePath)
                    // A guest has no name.
                    let credentials =
                        request.username.isEmpty
                        ? nil : try SMBCredentials(user: request.username, password: Secret(request.password))
                    return MapShare(
                        remote: remote, link: request.localPath.isEmpty ? nil : CallerPath(request.localPath),
                        credentials: credentials)
                },
                response: mapped,
                request: { operation in
                    if let link = operation.link, link.text.isEmpty {
                        throw StorageError(.invalidArgument, "the path is empty")
                    }
                    return .with {
                        $0.remotePath = "\(operation.remote)"
                        $0.localPath = operation.link?.text ?? ""
                        $0.username = operation.credentials?.name ?? ""
                        $0.password = operation.credentials?.password.revealed ?? ""
                    }
                }),
            WireRow(
                "RemoveSmbGlobalMapping",
                operation: { (request: V1_RemoveSmbGlobalMappingRequest) in
                    UnmapShare(remote: try SMBRemotePath(request.remotePath))
                },
                response: unmapped,
                request: { operation in .with { $0.remotePath = "\(operation.remote)" } }),
        ]
    }
}
