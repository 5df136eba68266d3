// SPDX-License-Identifier: Apache-2.0

public import HostStorage

extension LinuxBackend {
    /// How long a call waits for a server. The kernel goes on with what it has begun for longer than that, and keeps the
    /// share's lane.
    private static let serverDeadline: Duration = .seconds(25)

    public func mapShare(
        _ remote: SMBRemotePath, linkedAt link: HostPath?, as credentials: SMBCredentials?
    ) async throws(StorageError) {
        try await lanes.run(in: .share(remote.share), timeout: Self.serverDeadline) {
            [shares] () throws(StorageError) in
            try shares.map(remote, linkedAt: link, as: credentials)
        }
    }

    public func unmapShare(_ remote: SMBRemotePath) async throws(StorageError) {
        try await lanes.run(in: .share(remote.share), timeout: Self.serverDeadline) {
            [shares] () throws(StorageError) in
            try shares.unmap(remote)
        }
    }
}
