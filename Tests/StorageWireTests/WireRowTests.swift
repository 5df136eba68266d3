// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import StorageVersions
import Synchronization
import Testing

@testable import StorageWire

/// A row's server side reads what its client side sends, and the other way round, in every version.
@Suite struct WireRowTests {
    /// An operation that has been performed, and its answer.
    struct Sample: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let group: APIGroup
        /// Whether both directions of a row keep all of it; nil where the version has no method for it, or cannot hold
        /// it.
        let isKept: @Sendable (_ version: APIVersion) async throws -> Bool?

        /// - Parameters:
        ///   - isEqual: whether two answers are.
        ///   - read: the operation as a server has it, where that is another.
        init<Operation: HostOperation & Equatable>(
            _ operation: Operation, read: Operation? = nil, answer: Operation.Answer, in group: APIGroup,
            isEqual: @escaping @Sendable (Operation.Answer, Operation.Answer) -> Bool
        ) {
            testDescription = "\(operation)"
            self.group = group
            isKept = { version in
                let row = group.rows(version).first { $0.isOf(Operation.self) }
                guard let row, let side = row.clientSide(of: Operation.self) else { return nil }
                let request: [UInt8]
                do { request = try side.request(operation) } catch let error as StorageError
                    where error.code == .unsupported
                { return nil }
                let host = AnsweringHost(answer)
                let response = try await row.read(request).answer(by: host)
                let isRead = host.performed.withLock { $0 as? Operation } == read ?? operation
                return try isRead && isEqual(side.answer(response), answer)
            }
        }

        init<Operation: HostOperation & Equatable>(
            _ operation: Operation, read: Operation? = nil, answer: Operation.Answer, in group: APIGroup
        ) where Operation.Answer: Equatable {
            self.init(operation, read: read, answer: answer, in: group) { $0 == $1 }
        }

        init<Operation: HostOperation<Void> & Equatable>(
            _ operation: Operation, read: Operation? = nil, in group: APIGroup
        ) {
            self.init(operation, read: read, answer: (), in: group) { _, _ in true }
        }
    }

    static func samples() throws -> [Sample] {
        let (disk, path) = (DiskNumber(4_000_000_000), CallerPath("/a/é b"))
        // The volume group takes paths without a drive.
        let onC = CallerPath(path.text, driveless: .onDriveC)
        let volume = try VolumeID(guid: "0cb99483-72d5-3641-a339-60348e6b3540")
        let names = DiskIdentifiers(page83: "naa.5", serialNumber: " 7 ")
        let place = DiskLocation(adapter: "1", bus: "2", target: "3", lun: "4")
        let remote = try SMBRemotePath(#"\\server\share\d"#)
        let alice = try SMBCredentials(user: "alice", password: Secret("word"))
        let service = try ServiceName("iscsid")
        let portal = try ISCSIPortal(address: "10.0.0.1", port: 3261)
        let name = try ISCSIName("iqn.2001-04.com.example:x")
        let target = ISCSITarget(name, at: portal)
        let chap = try CHAP(name: "name", secret: Secret("secret-secret"))
        return [
            Sample(ListDiskLocations(), answer: [disk: place], in: .disk),
            Sample(ListDiskIdentifiers(), answer: [disk: names, DiskNumber(0): names], in: .disk),
            Sample(PartitionDisk(disk: disk), in: .disk),
            Sample(RescanDisks(), in: .disk),
            Sample(SizeOfDisk(disk: disk), answer: .max, in: .disk),
            Sample(SetDiskState(disk: disk, state: .online), in: .disk),
            Sample(SetDiskState(disk: disk, state: .offline), in: .disk),
            Sample(StateOfDisk(disk: disk), answer: .online, in: .disk),
            Sample(StateOfDisk(disk: disk), answer: .offline, in: .disk),
            Sample(ListVolumes(disk: disk), answer: [volume], in: .volume),
            Sample(ListVolumes(disk: disk, partition: PartitionNumber(3)), answer: [], in: .volume),
            Sample(
                MountVolume(volume: volume, target: path), read: MountVolume(volume: volume, target: onC), in: .volume),
            Sample(
                UnmountVolume(volume: volume, target: path), read: UnmountVolume(volume: volume, target: onC),
                answer: .unknown, in: .volume),
            Sample(IsVolumeFormatted(volume: volume), answer: true, in: .volume),
            Sample(FormatVolume(volume: volume), in: .volume),
            Sample(ResizeVolume(volume: volume, size: .maximum), in: .volume),
            Sample(ResizeVolume(volume: volume, size: .bytes(.max)), in: .volume),
            Sample(StatsOfVolume(volume: volume), answer: VolumeStats(totalBytes: 9, usedBytes: 5), in: .volume),
            Sample(DiskOfVolume(volume: volume), answer: disk, in: .volume),
            Sample(VolumeMountedAt(path: path), read: VolumeMountedAt(path: onC), answer: volume, in: .volume),
            Sample(VolumeClosestTo(path: path), read: VolumeClosestTo(path: onC), answer: volume, in: .volume),
            Sample(FlushVolume(volume: volume), in: .volume),
            Sample(PathExists(path: path), answer: true, in: .filesystem),
            Sample(MakeDirectory(path: path), in: .filesystem),
            Sample(Remove(path: path, force: true), in: .filesystem),
            Sample(Remove(path: path, force: false), in: .filesystem),
            Sample(RemoveContents(path: path), in: .filesystem),
            Sample(CreateSymlink(link: path, target: CallerPath("/target")), in: .filesystem),
            Sample(IsSymlink(path: path), read: IsSymlink(path: onC), answer: true, in: .filesystem),
            Sample(MapShare<CallerPath>(remote: remote, link: nil, credentials: nil), in: .smb),
            Sample(MapShare(remote: remote, link: path, credentials: alice), in: .smb),
            Sample(UnmapShare(remote: remote), in: .smb),
            Sample(BIOSSerialNumber(), answer: "a b", in: .system),
            Sample(StartService(service: service), in: .system),
            Sample(StopService(service: service, force: true), in: .system),
            Sample(
                LookUpService(service: service),
                answer: HostService(displayName: "d", startType: .manual, state: .stopping), in: .system),
            Sample(AddPortal(portal: portal), in: .iscsi),
            Sample(ListPortals(), answer: [portal], in: .iscsi),
            Sample(RemovePortal(portal: portal), in: .iscsi),
            Sample(DiscoverTargets(portal: portal), answer: [name], in: .iscsi),
            Sample(ConnectTarget(target: target, authentication: .none), in: .iscsi),
            Sample(ConnectTarget(target: target, authentication: .oneWay(chap)), in: .iscsi),
            Sample(ConnectTarget(target: target, authentication: .mutual(chap)), in: .iscsi),
            Sample(DisconnectTarget(target: target), in: .iscsi),
            Sample(DisksOfTarget(target: target), answer: [disk], in: .iscsi),
            Sample(SetMutualCHAPSecret(secret: try Secret("secret-secret")), in: .iscsi),
        ]
    }

    @Test func everyVersionKeepsWhatItCanSay() async throws {
        for sample in try Self.samples() {
            var versions = 0
            for version in sample.group.versions {
                guard let isKept = try await sample.isKept(version) else { continue }
                versions += 1
                #expect(isKept, "\(sample.testDescription) in \(version)")
            }
            #expect(versions > 0, "no version has \(sample.testDescription)")
        }
    }

    @Test func whatNoVersionCanSayIsUnsupported() async throws {
        let volume = try VolumeID(guid: "0cb99483-72d5-3641-a339-60348e6b3540")
        let chap = try CHAP(name: "name", secret: Secret("secret-secret"))
        let target = ISCSITarget(try ISCSIName("iqn.2001-04.com.example:x"), at: try ISCSIPortal(address: "10.0.0.1"))
        let unsaid = [
            Sample(FormatVolume(volume: volume, over: Signature(type: "ext4")), in: .volume),
            Sample(ConnectTarget(target: target, authentication: .mutual(chap, target: chap)), in: .iscsi),
        ]
        for sample in unsaid {
            for version in sample.group.versions {
                #expect(try await sample.isKept(version) == nil, "\(sample.testDescription) in \(version)")
            }
        }
        #expect(APIGroup.having(IdentifiersOfDisk.self) == nil && APIGroup.having(ServicesChanged.self) == nil)
    }

    @Test func aSizeOfZeroIsTheMaximumAndANegativeOneIsRefused() throws {
        #expect(try VolumeSize(wire: 0) == .maximum)
        #expect(try VolumeSize(wire: 1) == .bytes(1))
        for negative in [-1, Int64.min] {
            #expect(throws: StorageError(.invalidArgument, "the size \(negative) is negative")) {
                try VolumeSize(wire: negative)
            }
        }
        #expect(throws: StorageError.self) { try VolumeSize.bytes(0).onTheWire() }
    }

    /// Two versions have room for disks that there cannot be.
    @Test func aDiskBeyondAllNumbersIsRefused() throws {
        // Field 1: -1 and 2^32.
        let responses: [[UInt8]] = [
            [0x08] + [UInt8](repeating: 0xFF, count: 9) + [0x01], [0x08, 0x80, 0x80, 0x80, 0x80, 0x10],
        ]
        for version in ["v1beta1", "v1beta2"] {
            let row = try #require(
                APIGroup.volume.versions.first { "\($0)" == version }.flatMap { version in
                    APIGroup.volume.rows(version).first { $0.isOf(DiskOfVolume.self) }
                })
            let side = try #require(row.clientSide(of: DiskOfVolume.self))
            for response in responses {
                let error = #expect(throws: StorageError.self) { _ = try side.answer(response) }
                #expect(error?.code == .internalError)
            }
            #expect(try side.answer([0x08, 0x05]) == DiskNumber(5))
        }
    }

    /// As no path stands for no link, an empty one cannot be sent.
    @Test func anEmptyLinkIsRefused() throws {
        let map = MapShare(remote: try SMBRemotePath(#"\\s\x"#), link: CallerPath(""), credentials: nil)
        for version in APIGroup.smb.versions {
            let row = try #require(APIGroup.smb.rows(version).first)
            let side = try #require(row.clientSide(of: MapShare<CallerPath>.self))
            #expect(throws: StorageError(.invalidArgument, "the path is empty")) { try side.request(map) }
        }
    }
}

/// Answers every operation with one answer, and keeps the operation.
private final class AnsweringHost<Answer: Sendable>: StorageHost {
    private let answer: Answer
    let performed = Mutex<(any Sendable)?>(nil)

    init(_ answer: Answer) { self.answer = answer }

    func perform<Operation: HostOperation>(
        _ operation: Operation
    ) async throws(StorageError) -> Operation.Answer {
        performed.withLock { $0 = operation }
        guard let answer = answer as? Operation.Answer else { throw StorageError(.internalError, "another answer") }
        return answer
    }
}
