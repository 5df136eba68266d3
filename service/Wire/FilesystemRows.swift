// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageAPI
import StorageVersions
import SwiftProtobuf

/// The versions of the filesystem group. From v1beta2 on only a method was added; before it requests had a
/// context, which means nothing, and responses an error, which is never filled: errors are the call's status.
enum FilesystemRows {
    static func of(_ version: APIVersion) -> [WireRow] {
        switch "\(version)" {
        case "v1alpha1", "v1beta1": first
        case "v1beta2", "v1": current
        case "v2alpha1": current + [removeContents]
        case "v2": current + [removeContents] + FileRows.all
        default: []
        }
    }

    // MARK: - v1beta2, v1, v2alpha1, v2

    private static let current = [
        WireRow(
            "PathExists",
            operation: { (request: V1_PathExistsRequest) in PathExists(path: CallerPath(request.path)) },
            response: { exists in V1_PathExistsResponse.with { $0.exists = exists } },
            request: { operation in .with { $0.path = operation.path.text } },
            answer: { $0.exists }),
        WireRow(
            "Mkdir",
            operation: { (request: V1_MkdirRequest) in MakeDirectory(path: CallerPath(request.path)) },
            response: V1_MkdirResponse.self,
            request: { operation in .with { $0.path = operation.path.text } }),
        WireRow(
            "Rmdir",
            operation: { (request: V1_RmdirRequest) in
                Remove(path: CallerPath(request.path), force: request.force)
            },
            response: V1_RmdirResponse.self,
            request: { operation in
                .with {
                    $0.path = operation.path.text
                    $0.force = operation.force
                }
            }),
        // csi-proxy's target_path is the link, and its source_path the link's target.
        WireRow(
            "CreateSymlink",
            operation: { (request: V1_CreateSymlinkRequest) in
                CreateSymlink(link: CallerPath(request.targetPath), target: CallerPath(request.sourcePath))
            },
            response: V1_CreateSymlinkResponse.self,
            request: { operation in
                .with {
                    $0.sourcePath = operation.target.text
                    $0.targetPath = operation.link.text
                }
            }),
        // The only method of the group to which drivers send paths without a drive.
        WireRow(
            "IsSymlink",
            operation: { (request: V1_IsSymlinkRequest) in
                IsSymlink(path: CallerPath(request.path, driveless: .onDriveC))
            },
            response: { isSymlink in V1_IsSymlinkResponse.with { $0.isSymlink = isSymlink } },
            request: { operation in .with { $0.path = operation.path.text } },
            answer: { $0.isSymlink }),
    ]

    private static let removeContents = WireRow(
        "RmdirContents",
        operation: { (request: V2alpha1_RmdirContentsRequest) in RemoveContents(path: CallerPath(request.path)) },
        response: V2alpha1_RmdirContentsResponse.self,
        request: { operation in .with { $0.path = operation.path.text } })

    // MARK: - v1alpha1, v1beta1

    private static let first = [
        WireRow(
            "PathExists",
            operation: { (request: V1beta1_PathExistsRequest) in PathExists(path: CallerPath(request.path)) },
            response: { exists in V1beta1_PathExistsResponse.with { $0.exists = exists } },
            request: { operation in .with { $0.path = operation.path.text } },
            answer: { $0.exists }),
        WireRow(
            "Mkdir",
            operation: { (request: V1beta1_MkdirRequest) in MakeDirectory(path: CallerPath(request.path)) },
            response: V1beta1_MkdirResponse.self,
            request: { operation in .with { $0.path = operation.path.text } }),
        WireRow(
            "Rmdir",
            operation: { (request: V1beta1_RmdirRequest) in
                Remove(path: CallerPath(request.path), force: request.force)
            },
            response: V1beta1_RmdirResponse.self,
            request: { operation in
                .with {
                    $0.path = operation.path.text
                    $0.force = operation.force
                }
            }),
        WireRow(
            "LinkPath",
            operation: { (request: V1beta1_LinkPathRequest) in
                CreateSymlink(link: CallerPath(request.targetPath), target: CallerPath(request.sourcePath))
            },
            response: V1beta1_LinkPathResponse.self,
            request: { operation in
                .with {
                    $0.sourcePath = operation.target.text
                    $0.targetPath = operation.link.text
                }
            }),
        WireRow(
            "IsMountPoint",
            operation: { (request: V1beta1_IsMountPointRequest) in
                IsSymlink(path: CallerPath(request.path, driveless: .onDriveC))
            },
            response: { isSymlink in V1beta1_IsMountPointResponse.with { $0.isMountPoint = isSymlink } },
            request: { operation in .with { $0.path = operation.path.text } },
            answer: { $0.isMountPoint }),
    ]
}
