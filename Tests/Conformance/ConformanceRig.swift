// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageTestKit

/// The layer below a host: its disks as their provider has them, its files as its workloads have them.
protocol ConformanceRig: Sendable {
    /// The host itself, linked.
    var host: any StorageHost { get }
    /// The host's only root, an absolute POSIX path. It exists.
    var root: String { get }

    func attachDisk(_ content: DiskContent, size: Int64) async throws -> DiskNumber
    func growDisk(_ disk: DiskNumber, to size: Int64) async throws
    /// Makes the disk fail all requests, while the host still sees that it is there.
    func silenceDisk(_ disk: DiskNumber) async throws
    /// A text that changes when anything on the disk does.
    func fingerprint(of disk: DiskNumber) async throws -> String
    /// The disk's partition table, read without the host's help.
    func table(of disk: DiskNumber) async throws -> TableSummary?

    func write(_ text: String, to path: String) async throws
    func read(_ path: String) async throws -> String
    /// Makes a link with any text.
    func putLink(to target: String, at path: String) async throws

    /// Takes away everything that would outlive the rig.
    func tearDown() async
}

extension ConformanceRig {
    func attachDisk(_ content: DiskContent = .blank) async throws -> DiskNumber {
        try await attachDisk(content, size: gibibyte)
    }

    func path(_ name: String) -> String { "\(root)/\(name)" }
}

struct TableSummary: Sendable, Equatable {
    /// "gpt" or "dos".
    var kind: String
    var partitions: Int
}
