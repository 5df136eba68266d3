// SPDX-License-Identifier: Apache-2.0

public import HostStorage

extension LinuxBackend {
    public func mapShare(
        _ remote: SMBRemotePath, linkedAt link: HostPath?, as credentials: SMBCredentials?
    ) async throws(StorageError) {
        try await queues.run(in: .share(remote.share)) { [shares] () throws(StorageError) in
            try shares.map(remote, linkedAt: link, as: credentials)
        }
    }

    public func unmapShare(_ remote: SMBRemotePath) async throws(StorageError) {
        try await queues.run(in: .share(remote.share)) { [shares] () throws(StorageError) in
            try shares.unmap(remote)
        }
    }
}
