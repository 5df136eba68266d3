// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// A rig with an SMB server within its host's reach.
protocol SMBRig: ConformanceRig {
    /// Sets up a share that one user may use; where that is nil, guests may. Returns its remote path, `\\server\share`.
    func addShare(for account: Account?) async throws -> String
    func setPassword(_ password: String, of user: String, on remote: String) async throws
    /// Takes the server away or brings it back.
    func setReachable(_ remote: String, _ isReachable: Bool) async throws

    /// Writes a file in the share's root, on its server.
    func writeFile(_ text: String, named name: String, in remote: String) async throws
    /// Reads a file in the share's root, on its server.
    func readFile(named name: String, in remote: String) async throws -> String?
    func addDirectory(_ name: String, in remote: String) async throws
    /// How many shares the host has mounted.
    func mountedShares() async throws -> Int
}

/// A user of a server.
struct Account: Sendable {
    var user: String
    var password: String

    var credentials: SMBCredentials {
        get throws { try SMBCredentials(user: user, password: Secret(password)) }
    }
}
