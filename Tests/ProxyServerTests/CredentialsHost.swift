// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageTestKit
import Synchronization

/// A host in memory that notes which caller asks it to rescan.
final class CredentialsHost: StorageHost {
    private let memory: MemoryHost
    private let noted = Mutex<String?>(nil)

    init() throws { memory = try MemoryHost() }

    /// As the log names it.
    var seen: String? { noted.withLock { $0 } }

    func perform<Operation: HostOperation>(
        _ operation: Operation
    ) async throws(StorageError) -> Operation.Answer {
        if operation is RescanDisks { noted.withLock { $0 = CallTrace.current?.caller } }
        return try await memory.perform(operation)
    }
}
