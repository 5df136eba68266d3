// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageAPI
import StorageVersions
import SwiftProtobuf

/// The versions of the smb group. Before v1beta2 responses had an error, which is never filled: errors are the call's
/// status.
enum SMBService {
    static func methods(_ version: APIVersion) -> [any MethodRow] {
        switch "\(version)" {
        case "v1alpha1", "v1beta1": first
        default: current
        }
    }

    private static let current: [any MethodRow] = [
        Method("NewSmbGlobalMapping") { (request: V1_NewSmbGlobalMappingRequest, host) throws(StorageError) in
            try await map(request, on: host)
            return V1_NewSmbGlobalMappingResponse()
        },
        Method("RemoveSmbGlobalMapping") { (request: V1_RemoveSmbGlobalMappingRequest, host) throws(StorageError) in
            try await host.unmapShare(SMBRemotePath(request.remotePath))
            return V1_RemoveSmbGlobalMappingResponse()
        },
    ]

    private static let first: [any MethodRow] = [
        Method("NewSmbGlobalMapping") { (request: V1_NewSmbGlobalMappingRequest, host) throws(StorageError) in
            try await map(request, on: host)
            return V1beta1_NewSmbGlobalMappingResponse()
        },
        Method("RemoveSmbGlobalMapping") { (request: V1_RemoveSmbGlobalMappingRequest, host) throws(StorageError) in
            try await host.unmapShare(SMBRemotePath(request.remotePath))
            return V1beta1_RemoveSmbGlobalMappingResponse()
        },
    ]

    private static func map(
        _ request: V1_NewSmbGlobalMappingRequest, on host: any StorageHost
    ) async throws(StorageError) {
        let remote = try SMBRemotePath(request.remotePath)
        var credentials: SMBCredentials?
        if !request.username.isEmpty {
            credentials = try SMBCredentials(user: request.username, password: Secret(request.password))
        }
        try await host.mapShare(
            remote, linkedAt: request.localPath.isEmpty ? nil : request.localPath, as: credentials)
    }
}
