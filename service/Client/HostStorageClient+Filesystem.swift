// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import HostStorageAPI
import SwiftProtobuf

extension HostStorageClient {
    /// From v1beta2 on fields have their present numbers and methods their present names.
    private var isCurrent: Bool { filesystem.version.isAtLeast("v1beta2") }

    public func pathExists(_ path: String) async throws(StorageError) -> Bool {
        if isCurrent {
            let response: V1_PathExistsResponse = try await filesystem.call(
                "PathExists", V1_PathExistsRequest.with { $0.path = path })
            return response.exists
        }
        let response: V1beta1_PathExistsResponse = try await filesystem.call(
            "PathExists", V1beta1_PathExistsRequest.with { $0.path = path })
        return response.exists
    }

    public func makeDirectory(_ path: String) async throws(StorageError) {
        let _: V1_MkdirResponse = try await filesystem.call("Mkdir", V1_MkdirRequest.with { $0.path = path })
    }

    public func remove(_ path: String, force: Bool) async throws(StorageError) {
        if isCurrent {
            let _: V1_RmdirResponse = try await filesystem.call(
                "Rmdir",
                V1_RmdirRequest.with {
                    $0.path = path
                    $0.force = force
                })
        } else {
            let _: V1beta1_RmdirResponse = try await filesystem.call(
                "Rmdir",
                V1beta1_RmdirRequest.with {
                    $0.path = path
                    $0.force = force
                })
        }
    }

    public func removeContents(of path: String) async throws(StorageError) {
        guard filesystem.version.isAtLeast("v2alpha1") else { throw filesystem.lacks("empty a directory") }
        let _: V2alpha1_RmdirContentsResponse = try await filesystem.call(
            "RmdirContents", V2alpha1_RmdirContentsRequest.with { $0.path = path })
    }

    public func createSymlink(at link: String, to target: String) async throws(StorageError) {
        let _: V1_CreateSymlinkResponse = try await filesystem.call(
            isCurrent ? "CreateSymlink" : "LinkPath",
            V1_CreateSymlinkRequest.with {
                $0.sourcePath = target
                $0.targetPath = link
            })
    }

    public func isSymlink(_ path: String) async throws(StorageError) -> Bool {
        if isCurrent {
            let response: V1_IsSymlinkResponse = try await filesystem.call(
                "IsSymlink", V1_IsSymlinkRequest.with { $0.path = path })
            return response.isSymlink
        }
        let response: V1beta1_IsMountPointResponse = try await filesystem.call(
            "IsMountPoint", V1beta1_IsMountPointRequest.with { $0.path = path })
        return response.isMountPoint
    }
}
