// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageTestKit
import Testing

/// A test of behaviour that all hosts share, linked or over sockets, in memory or on real disks.
struct Scenario: Sendable, CustomTestStringConvertible {
    /// Its number in the list of csi-proxy's behaviours; several may share one.
    var number: Int
    var title: String
    /// Whether its host encrypts connections to shares, as hosts do unless configured otherwise.
    var encryptsShares = true
    var run: @Sendable (_ host: any StorageHost, _ rig: any ConformanceRig) async throws -> Void

    init(
        _ number: Int, _ title: String,
        run: @escaping @Sendable (_ host: any StorageHost, _ rig: any ConformanceRig) async throws -> Void
    ) {
        self.number = number
        self.title = title
        self.run = run
    }

    var testDescription: String { "\(number): \(title)" }

    /// A host's work with disks and directories of its own.
    static let storage =
        directories + links + disks + partitioning + offline + formatting + mounting + mounts + ensured + maintenance
        + lookup
        + resizing

    static let all = storage + shares + system + targets
}

let mebibyte: Int64 = 1 << 20
let gibibyte: Int64 = 1 << 30

extension StorageHost {
    /// The only volume of a disk, which is partitioned if need be.
    func onlyVolume(of disk: DiskNumber) async throws -> VolumeID {
        try await partitionDisk(disk)
        let volumes = try await volumes(on: disk, partition: nil)
        #expect(volumes.count == 1)
        return try #require(volumes.first)
    }

    /// A new disk's only volume, with a filesystem.
    func formattedVolume(_ rig: any ConformanceRig) async throws -> VolumeID {
        let volume = try await onlyVolume(of: try await rig.attachDisk())
        try await formatVolume(volume)
        return volume
    }

    /// A new directory beneath the root.
    func directory(_ name: String, _ rig: any ConformanceRig) async throws -> String {
        let path = rig.path(name)
        try await makeDirectory(path)
        return path
    }
}

/// A volume that no host has.
func unknownVolume() throws -> VolumeID { try VolumeID(guid: "00000000-0000-4000-8000-0000deadbeef") }

/// The number of a disk that no host has.
let unknownDisk = DiskNumber(4_000_000_000)
