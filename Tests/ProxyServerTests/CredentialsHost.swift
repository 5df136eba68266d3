// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageTestKit
import ProxyServer
import Synchronization

/// A host in memory that notes which caller asks it to rescan.
final class CredentialsHost: StorageHost {
    private let memory: MemoryHost
    private let noted = Mutex<PeerCredentials?>(nil)

    init() throws { memory = try MemoryHost() }

    var seen: PeerCredentials? { noted.withLock { $0 } }

    func perform<Operation: HostOperation>(
        _ operation: Operation
    ) async throws(StorageError) -> Operation.Answer {
        if operation is RescanDisks { noted.withLock { $0 = PeerCredentials.current } }
        return try await memory.perform(operation)
    }
}
