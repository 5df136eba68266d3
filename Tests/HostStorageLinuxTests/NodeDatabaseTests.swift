// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

/// open-iscsi's records and answers.
@Suite struct NodeDatabaseTests {
    private let scratch: ScratchDirectory
    private let database: NodeDatabase

    init() throws {
        scratch = try ScratchDirectory()
        database = NodeDatabase(directory: scratch.path)
    }

    private func make(_ path: String) throws {
        let url = URL(filePath: "\(scratch.path)/\(path)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data().write(to: url)
    }

    private func portal(_ address: String, _ port: UInt32 = 3260) throws -> ISCSIPortal {
        try ISCSIPortal(address: address, port: port)
    }

    @Test func portalsAreTheDirectoriesOfTheirRecords() throws {
        #expect(try database.portals().isEmpty)
        for name in ["192.0.2.1,3260", "192.0.2.1,3261", "2001:db8::1,3260", "storage.example,860", "no portal,1", "x"]
        {
            try make("send_targets/\(name)/st_config")
        }
        // Left over: there is no record in it.
        try make("send_targets/192.0.2.9,3260/iqn.2001-04.com.example:x,192.0.2.9,3260,1,default")
        #expect(
            try database.portals().map(\.description) == [
                "192.0.2.1:3260", "192.0.2.1:3261", "[2001:db8::1]:3260", "storage.example:860",
            ])
        #expect(try database.contains(portal("192.0.2.1", 3261)))
        #expect(try !database.contains(portal("192.0.2.1", 3262)))
        #expect(try !database.contains(portal("192.0.2.2")))
        // As its record spells it.
        #expect(try database.name(of: portal("2001:DB8:0:0::1"))?.address == "2001:db8::1")
    }

    @Test func recordsAreOfATargetAtAPortal() throws {
        for path in ["x/192.0.2.1,3260,1/default", "x/2001:db8::1,3260,7/eth1", "y/192.0.2.1,3260,1/default"] {
            try make("nodes/iqn.2001-04.com.example:\(path)")
        }
        // As iscsiadm writes a record whose portal group it does not know.
        try make("nodes/iqn.2001-04.com.example:x/192.0.2.2,3260")
        try make("nodes/iqn.2001-04.com.example:x/192.0.2.3,3260,1/eth0")
        try make("nodes/iqn.2001-04.com.example:x/192.0.2.3,3260,1/default")
        try FileManager.default.createDirectory(
            atPath: "\(scratch.path)/nodes/iqn.2001-04.com.example:x/192.0.2.4,3260,1",
            withIntermediateDirectories: true)
        let records = try database.records(of: ISCSIName("iqn.2001-04.com.example:x"))
        #expect(records.map(\.portal.description) == ["192.0.2.1:3260", "192.0.2.3:3260", "[2001:db8::1]:3260"])
        #expect(records.map(\.interface) == ["default", "default", "eth1"])
        #expect(try database.records(of: ISCSIName("iqn.2001-04.com.example:z")).isEmpty)
    }

    @Test func aPortalIsLinkedToItsOwnRecordsBeforeItIsRemoved() throws {
        let links = [
            "iqn.2001-04.com.example:x,192.0.2.1,3260,1,default",
            "iqn.2001-04.com.example:x,2001:db8::1,3260,1,default",
            "iqn.2001-04.com.example:x,192.0.2.9,3260,1,default",
        ]
        for link in links { try make("send_targets/192.0.2.1,3260/\(link)") }
        try make("send_targets/192.0.2.1,3260/st_config")
        try make("send_targets/2001:db8:0::1,3260/st_config")
        // Discovered at the other portal last; an operator's; and one at an address that is none of the portal's.
        for (target, portal, type) in [
            ("y", "192.0.2.1,3260,7", "send_targets"), ("z", "192.0.2.1,3260,1", "static"),
            ("y", "192.0.2.2,3260,1", "send_targets"),
        ] {
            let record = "nodes/iqn.2001-04.com.example:\(target)/\(portal)/default"
            try make(record)
            try "node.discovery_type = \(type)\n".write(
                toFile: "\(scratch.path)/\(record)", atomically: false, encoding: .utf8)
        }
        for _ in 0..<2 {
            try database.relink(portal("192.0.2.1"), at: [PortalAddress("192.0.2.1", port: 3260)])
            let left = try FileManager.default.contentsOfDirectory(
                atPath: "\(scratch.path)/send_targets/192.0.2.1,3260")
            #expect(
                left.sorted()
                    == [links[0], links[2], "iqn.2001-04.com.example:y,192.0.2.1,3260,7,default", "st_config"].sorted())
        }
    }

    @Test func whatIsLeftOfAPortalGoesAndPortalsStay() throws {
        let link = "iqn.2001-04.com.example:x,192.0.2.1,3260,1,default"
        for portal in ["192.0.2.1,3260", "192.0.2.2,3260"] { try make("send_targets/\(portal)/\(link)") }
        try make("send_targets/192.0.2.2,3260/st_config")
        for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] { try database.dropRemains(of: portal(address)) }
        let left = try FileManager.default.contentsOfDirectory(atPath: "\(scratch.path)/send_targets")
        #expect(left == ["192.0.2.2,3260"])
        #expect(FileManager.default.fileExists(atPath: "\(scratch.path)/send_targets/192.0.2.2,3260/\(link)"))
    }

    @Test func addressesAreComparedByWhatTheyMean() {
        #expect(PortalAddress("::1", port: 1) == PortalAddress("0:0:0::1", port: 1))
        #expect(PortalAddress("2001:DB8::A", port: 1) == PortalAddress("2001:db8:0:0:0:0:0:a", port: 1))
        #expect(PortalAddress("192.0.2.1", port: 1) != PortalAddress("192.0.2.1", port: 2))
        #expect(PortalAddress("192.0.2.1", port: 1) != PortalAddress("192.0.2.10", port: 1))
        #expect(PortalAddress("fe80::1%eth0", port: 1) != PortalAddress("fe80::1%eth1", port: 1))
        #expect(PortalAddress("Storage.Example", port: 1) == PortalAddress("storage.example", port: 1))
        #expect(!PortalAddress("storage.example", port: 1).isNumeric)
    }

    @Test func aNameHasAddresses() throws {
        let all = PortalAddress.all(of: try portal("localhost"))
        #expect(all.contains(PortalAddress("127.0.0.1", port: 3260)) || all.contains(PortalAddress("::1", port: 3260)))
        #expect(all.contains(PortalAddress("localhost", port: 3260)))
        #expect(PortalAddress.all(of: try portal("192.0.2.1")) == [PortalAddress("192.0.2.1", port: 3260)])
    }

    // MARK: - iscsiadm

    @Test func discoveredNamesAreReadOnceEach() throws {
        let output = """
            192.0.2.1:3260,1 iqn.2001-04.com.example:x
            [2001:db8::1]:3260,1 iqn.2001-04.com.example:x
            192.0.2.1:3260,4294967295 eui.0123456789abcdef
            iscsiadm: something else
            """
        #expect(
            InitiatorProgram.names(in: output).map(\.description) == [
                "iqn.2001-04.com.example:x", "eui.0123456789abcdef",
            ])
    }

    @Test(arguments: [
        (4, StorageError.Code.unavailable, "cannot be connected to"), (8, .unavailable, "does not answer"),
        (11, .unavailable, "does not answer"), (12, .unsupported, "iscsi_tcp"), (15, .alreadyExists, "session already"),
        (19, .failedPrecondition, "refused for good"), (20, .failedPrecondition, "iscsid does not run"),
        (21, .notFound, "no record"), (24, .denied, "does not accept"), (99, .internalError, "iscsiadm failed"),
    ])
    func everyExitStatusIsSaid(_ status: Int, _ code: StorageError.Code, _ sentence: String) {
        expectError(code, sentence) {
            try InitiatorProgram.check(ChildProgram.Outcome(status: Int32(status), errors: "said"), "x")
        }
    }

    @Test func whatAProgramSaysOfASecretIsLeftOut() throws {
        let secret = try Secret("secret-of-host")
        let outcome = ChildProgram.Outcome(status: 7, errors: "bad value secret-of-host in line 9")
        #expect(InitiatorProgram.hiding([secret], in: outcome).errors.isEmpty)
        #expect(InitiatorProgram.hiding([secret], in: outcome).status == 7)
        #expect(InitiatorProgram.hiding([try Secret("another")], in: outcome).errors == outcome.errors)
    }
}
