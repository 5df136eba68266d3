// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageClient
import StorageVersions
import Testing

/// One version of each group, as a driver of some age speaks them.
struct OldVersions: Sendable, CustomTestStringConvertible {
    var pins: [APIGroup: APIVersion]

    /// So many that every version of every group is in one; an unpinned client takes the newest.
    static let all: [OldVersions] = (1..<(APIGroup.allCases.map(\.versions.count).max() ?? 1)).map { age in
        OldVersions(
            pins: Dictionary(
                uniqueKeysWithValues: APIGroup.allCases.map { group in
                    (group, group.versions[min(age, group.versions.count - 1)])
                }))
    }

    var testDescription: String {
        pins.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
}

/// A client of old versions that uses another host for operations that its versions lack.
struct VersionedHost: StorageHost {
    private let client: HostStorageClient
    private let other: any StorageHost

    init(_ client: HostStorageClient, else other: any StorageHost) {
        self.client = client
        self.other = other
    }

    func perform<Operation: HostOperation>(
        _ operation: Operation
    ) async throws(StorageError) -> Operation.Answer {
        do throws(StorageError) {
            return try await client.perform(operation)
        } catch  where error.code == .unsupported {
            return try await other.perform(operation)
        }
    }
}
