// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageTestKit
import Testing

/// A host in memory; takes no privileges.
struct MemoryRig: ConformanceRig {
    let root = "/var/lib/kubelet"
    let memory: MemoryHost

    init() throws { memory = try MemoryHost(roots: [root]) }

    var host: any StorageHost { memory }
    private var backend: MemoryBackend { memory.backend }

    func attachDisk(_ content: DiskContent, size: Int64) throws -> DiskNumber {
        try backend.attachDisk(size: size, content: content)
    }

    func growDisk(_ disk: DiskNumber, to size: Int64) { backend.growDisk(disk, to: size) }

    func silenceDisk(_ disk: DiskNumber) { backend.setAnswering(disk, false) }

    func fingerprint(of disk: DiskNumber) throws -> String { "\(try #require(backend.content(of: disk)))" }

    func table(of disk: DiskNumber) throws -> TableSummary? {
        switch try #require(backend.content(of: disk)) {
        case .gpt(let partitions): TableSummary(kind: "gpt", partitions: partitions.count)
        case .mbr(let partitions): TableSummary(kind: "dos", partitions: partitions.count)
        default: nil
        }
    }

    func write(_ text: String, to path: String) throws { try backend.writeFile(Array(text.utf8), at: path) }

    func read(_ path: String) throws -> String { String(decoding: try backend.readFile(at: path), as: UTF8.self) }

    func putLink(to target: String, at path: String) throws { try backend.putLink(to: target, at: path) }

    func tearDown() {}
}
