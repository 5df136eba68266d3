// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import Synchronization

// Changes to the SMB servers around the host.
extension MemoryBackend {
    /// Sets up a share, `\\server\share`.
    ///
    /// - Parameters:
    ///   - accounts: passwords by user name: "user" or "DOMAIN\user".
    ///   - encrypts: whether its server encrypts the connection.
    public func addShare(
        _ remote: String, accounts: [String: String] = [:], admitsGuests: Bool = false, encrypts: Bool = true
    ) throws(StorageError) {
        let share = try SMBRemotePath(remote).share
        var secrets: [String: Secret] = [:]
        for (user, password) in accounts { secrets[user] = try Secret(password) }
        host.withLock {
            $0.shares[share] = SimulatedShare(accounts: secrets, admitsGuests: admitsGuests, encrypts: encrypts)
        }
    }

    /// Changes a user's password on the server. Mappings with the old one stop working.
    public func setPassword(_ password: String, of user: String, on remote: String) throws(StorageError) {
        let share = try SMBRemotePath(remote).share
        let secret = try Secret(password)
        host.withLock { $0.shares[share]?.accounts[user] = secret }
    }

    /// Takes a share's server away or brings it back.
    public func setReachable(_ remote: String, _ isReachable: Bool) throws(StorageError) {
        let share = try SMBRemotePath(remote).share
        host.withLock { $0.shares[share]?.isReachable = isReachable }
    }

    /// Writes a file in a share, on its server; a directory where `bytes` are nil.
    public func writeFile(_ bytes: [UInt8]?, named name: String, in remote: String) throws(StorageError) {
        let share = try SMBRemotePath(remote).share
        host.withLock { $0.shares[share]?.files[[FileName(name)][...]] = bytes.map(Node.file) ?? .emptyDirectory }
    }

    /// Reads a file of a share, on its server; nil where there is none.
    public func readFile(named name: String, in remote: String) throws(StorageError) -> [UInt8]? {
        let share = try SMBRemotePath(remote).share
        return host.withLock { host in
            if case .file(let bytes)? = host.shares[share]?.files[[FileName(name)][...]] { bytes } else { nil }
        }
    }

    /// The shares that the host has mounted, each as often as it is.
    public var mountedShares: [SMBShare] {
        host.withLock { host in
            host.mounts.values.compactMap { if case .share(let key) = $0 { key.share } else { nil } }
        }
    }
}
