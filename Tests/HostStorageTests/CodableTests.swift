// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostStorage
import Testing

/// Values go through JSON as they are, and invalid text is refused as elsewhere.
@Suite struct CodableTests {
    private func expectKept(_ value: some Codable & Equatable) throws {
        func decoded<Value: Codable & Equatable>(_ value: Value) throws -> Value {
            try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(value))
        }
        #expect(try decoded(value) == value)
    }

    @Test func valuesAreKept() throws {
        let portal = try ISCSIPortal(address: "fe80::1", port: 3261)
        try expectKept([DiskNumber(7): DiskIdentifiers(page83: "naa.5", serialNumber: " 7 ")])
        try expectKept(DiskLocation(adapter: "1", bus: "2", target: "3", lun: "4"))
        try expectKept([DiskState.online, .offline])
        try expectKept(PartitionNumber(3))
        try expectKept(try VolumeID(guid: "0cb99483-72d5-3641-a339-60348e6b3540"))
        try expectKept(VolumeStats(totalBytes: 9, usedBytes: 5))
        try expectKept([VolumeSize.maximum, .bytes(5)])
        try expectKept([Signature(type: "xfs", uuid: "u"), Signature(type: "LVM2_member")])
        try expectKept(UnmountOutcome.stillHeld(by: [.mount(target: "/m", seenByProcess: 4), .device(name: "dm-1")]))
        try expectKept(HostService(displayName: "d", startType: .manual, state: .unknown))
        try expectKept(try ServiceName("iscsid"))
        try expectKept(try SMBRemotePath(#"\\server\share\d"#))
        try expectKept(ISCSITarget(try ISCSIName("iqn.2001-04.com.example:x"), at: portal))
    }

    @Test func errorsAreKept() throws {
        for code in StorageError.Code.allCases { try expectKept(StorageError(code, "detail")) }
        var error = StorageError(
            .busy, "in use", operation: "unmount volume", subject: "v",
            cause: .systemCall("umount2", errno: 16, text: "busy"))
        error.holders = [.process(id: 5, name: "n", use: "open file")]
        try expectKept(error)
        error.cause = .program("mkfs", status: 1, output: "no")
        try expectKept(error)
    }

    @Test func whatIsNoneIsRefused() {
        func expectRefused<Value: Decodable>(_: Value.Type, _ json: String) {
            #expect(throws: DecodingError.self, "\(json)") {
                try JSONDecoder().decode(Value.self, from: Data(json.utf8))
            }
        }
        expectRefused(VolumeID.self, #""C:""#)
        expectRefused(ServiceName.self, #""a/b""#)
        expectRefused(ISCSIName.self, #""x""#)
        expectRefused(SMBRemotePath.self, #""server""#)
        expectRefused(ISCSIPortal.self, #"{"address": "a b", "port": 1}"#)
        expectRefused(DiskNumber.self, "-1")
    }
}
