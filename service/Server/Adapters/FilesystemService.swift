// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageAPI
import StorageVersions
import SwiftProtobuf

/// The versions of the filesystem group. From v1beta2 on only a method was added; before it requests had a
/// context, which means nothing, and responses an error, which is never filled: errors are the call's status.
enum FilesystemService {
    static func methods(_ version: APIVersion) -> [any MethodRow] {
        switch "\(version)" {
        case "v1alpha1", "v1beta1": first
        case "v2alpha1": current + [removeContents]
        default: current
        }
    }

    // MARK: - v1beta2, v1, v2alpha1

    private static let current: [any MethodRow] = [
        Method("PathExists") { (request: V1_PathExistsRequest, host) throws(StorageError) in
            let exists = try await host.pathExists(request.path)
            return V1_PathExistsResponse.with { $0.exists = exists }
        },
        Method("Mkdir") { (request: V1_MkdirRequest, host) throws(StorageError) in
            try await host.makeDirectory(request.path)
            return V1_MkdirResponse()
        },
        Method("Rmdir") { (request: V1_RmdirRequest, host) throws(StorageError) in
            try await host.remove(request.path, force: request.force)
            return V1_RmdirResponse()
        },
        Method("CreateSymlink") { (request: V1_CreateSymlinkRequest, host) throws(StorageError) in
            try await host.createSymlink(at: request.targetPath, to: request.sourcePath)
            return V1_CreateSymlinkResponse()
        },
        Method("IsSymlink") { (request: V1_IsSymlinkRequest, host) throws(StorageError) in
            let isSymlink = try await host.isSymlink(request.path)
            return V1_IsSymlinkResponse.with { $0.isSymlink = isSymlink }
        },
    ]

    private static let removeContents = Method("RmdirContents") {
        (request: V2alpha1_RmdirContentsRequest, host) throws(StorageError) in
        try await host.removeContents(of: request.path)
        return V2alpha1_RmdirContentsResponse()
    }

    // MARK: - v1alpha1, v1beta1

    private static let first: [any MethodRow] = [
        Method("PathExists") { (request: V1beta1_PathExistsRequest, host) throws(StorageError) in
            let exists = try await host.pathExists(request.path)
            return V1beta1_PathExistsResponse.with { $0.exists = exists }
        },
        Method("Mkdir") { (request: V1beta1_MkdirRequest, host) throws(StorageError) in
            try await host.makeDirectory(request.path)
            return V1beta1_MkdirResponse()
        },
        Method("Rmdir") { (request: V1beta1_RmdirRequest, host) throws(StorageError) in
            try await host.remove(request.path, force: request.force)
            return V1beta1_RmdirResponse()
        },
        Method("LinkPath") { (request: V1beta1_LinkPathRequest, host) throws(StorageError) in
            try await host.createSymlink(at: request.targetPath, to: request.sourcePath)
            return V1beta1_LinkPathResponse()
        },
        Method("IsMountPoint") { (request: V1beta1_IsMountPointRequest, host) throws(StorageError) in
            let isSymlink = try await host.isSymlink(request.path)
            return V1beta1_IsMountPointResponse.with { $0.isMountPoint = isSymlink }
        },
    ]
}
