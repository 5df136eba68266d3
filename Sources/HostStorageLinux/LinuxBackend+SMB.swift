// SPDX-License-Identifier: Apache-2.0

public import HostStorage

// Shares are not built yet.
extension LinuxBackend {
    public func mapShare(
        _ remote: SMBRemotePath, linkedAt link: HostPath?, as credentials: SMBCredentials?
    ) async throws(StorageError) { throw Self.sharesAreNotBuilt }

    public func unmapShare(_ remote: SMBRemotePath) async throws(StorageError) { throw Self.sharesAreNotBuilt }

    private static let sharesAreNotBuilt = StorageError(
        .unsupported, "this version of the library does not mount SMB shares on Linux yet")
}
