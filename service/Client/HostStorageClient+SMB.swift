// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import HostStorageAPI
import SwiftProtobuf

// All versions of the group are asked alike; what the older ones answer besides is always empty.
extension HostStorageClient {
    public func mapShare(
        _ remote: SMBRemotePath, linkedAt link: String?, as credentials: SMBCredentials?
    ) async throws(StorageError) {
        if let link, link.isEmpty { throw StorageError(.invalidArgument, "the path is empty") }
        let _: V1_NewSmbGlobalMappingResponse = try await smb.call(
            "NewSmbGlobalMapping",
            V1_NewSmbGlobalMappingRequest.with {
                $0.remotePath = "\(remote)"
                $0.localPath = link ?? ""
                $0.username = credentials?.name ?? ""
                $0.password = credentials?.password.revealed ?? ""
            })
    }

    public func unmapShare(_ remote: SMBRemotePath) async throws(StorageError) {
        let _: V1_RemoveSmbGlobalMappingResponse = try await smb.call(
            "RemoveSmbGlobalMapping", V1_RemoveSmbGlobalMappingRequest.with { $0.remotePath = "\(remote)" })
    }
}
