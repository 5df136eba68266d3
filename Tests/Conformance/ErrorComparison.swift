// SPDX-License-Identifier: Apache-2.0

import HostStorage
import StorageVersions
import StorageWire
import Synchronization
import Testing

/// The errors that a host has thrown, so that a client's errors can be compared with them.
final class ThrowingHost: StorageHost {
    private let host: any StorageHost
    private let thrown = Mutex<[StorageError]>([])

    init(_ host: any StorageHost) { self.host = host }

    var errors: [StorageError] { thrown.withLock { $0 } }

    func perform<Operation: HostOperation>(
        _ operation: Operation
    ) async throws(StorageError) -> Operation.Answer {
        do throws(StorageError) {
            return try await host.perform(operation)
        } catch {
            thrown.withLock { $0.append(error) }
            throw error
        }
    }

    func confined(to confinement: CallConfinement) throws(StorageError) -> any StorageHost {
        try host.confined(to: confinement)
    }
}

/// A client whose errors have to equal those of the host behind the proxy, in every field.
struct ComparedClient: StorageHost {
    let client: any StorageHost
    let host: ThrowingHost

    func perform<Operation: HostOperation>(
        _ operation: Operation
    ) async throws(StorageError) -> Operation.Answer {
        // Operations that no version has go to the host itself.
        guard APIGroup.having(Operation.self) != nil else { return try await host.perform(operation) }
        let before = host.errors.count
        do throws(StorageError) {
            return try await client.perform(operation)
        } catch {
            let thrown = host.errors
            if thrown.count > before {
                #expect(thrown[before...].contains(error), "\(Operation.name): \(error)")
            } else if error.code != .unsupported {
                // Refused before it came to the host, which refuses it alike.
                await #expect(throws: error) { try await host.perform(operation) }
            }
            throw error
        }
    }
}
