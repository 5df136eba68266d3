// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

/// The kernel's sessions, read from a tree that looks like its sysfs.
@Suite struct SessionTableTests {
    private let scratch: ScratchDirectory
    private let name: ISCSIName

    init() throws {
        scratch = try ScratchDirectory()
        name = try ISCSIName("iqn.2001-04.com.example:x")
    }

    private var table: SessionTable { SessionTable(root: scratch.path) }

    private func write(_ text: String, _ path: String) throws {
        let url = URL(filePath: "\(scratch.path)/class/\(path)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data("\(text)\n".utf8).write(to: url)
    }

    private func session(
        _ id: Int, _ name: String = "iqn.2001-04.com.example:x", at address: String = "192.0.2.1",
        port: String = "3260",
        state: String = "LOGGED_IN"
    ) throws {
        try write(name, "iscsi_session/session\(id)/targetname")
        try write(state, "iscsi_session/session\(id)/state")
        try write(address, "iscsi_connection/connection\(id):0/persistent_address")
        try write(port, "iscsi_connection/connection\(id):0/persistent_port")
        try write("198.51.100.9", "iscsi_connection/connection\(id):0/address")
        try write("3260", "iscsi_connection/connection\(id):0/port")
    }

    /// - Parameter type: the first byte of its INQUIRY data.
    private func unit(_ address: String, of session: Int, type: UInt8 = 0, block: String? = nil) throws {
        let directory = "iscsi_session/session\(session)/device/target\(address.dropLast(2))/\(address)"
        try write(String(UnicodeScalar(type)), "\(directory)/inquiry")
        if let block { try write("1", "\(directory)/block/\(block)/size") }
    }

    private func ids(_ address: String = "192.0.2.1", port: UInt16 = 3260) throws -> [UInt32] {
        try table.sessions(with: name, at: [PortalAddress(address, port: port)]).map(\.id)
    }

    @Test func noSessionsAndNoInitiatorAreNoError() throws {
        #expect(try ids().isEmpty)
    }

    @Test func aSessionIsItsTargetsAtThatPortalAlone() throws {
        try session(1)
        try session(2, "iqn.2001-04.com.example:xy")
        try session(3, at: "192.0.2.10")
        try session(4, port: "3261")
        try session(12, at: "2001:DB8:0::1")
        #expect(try ids() == [1])
        #expect(try ids(port: 3261) == [4])
        #expect(try ids("2001:db8::1") == [12])
        // No caller has asked for the address to which the target has redirected it.
        #expect(try ids("198.51.100.9").isEmpty)
    }

    @Test func connectionsAreTheirOwnSessions() throws {
        try session(1)
        try session(11, at: "192.0.2.7")
        #expect(try ids("192.0.2.7") == [11])
    }

    @Test func aSessionWithoutAPersistentAddressIsWhereItIs() throws {
        try session(1)
        try FileManager.default.removeItem(
            atPath: "\(scratch.path)/class/iscsi_connection/connection1:0/persistent_address")
        #expect(try ids("198.51.100.9") == [1])
    }

    @Test func aSessionThatEndsAsItIsReadIsLeftOut() throws {
        try session(1)
        try session(2)
        try FileManager.default.removeItem(atPath: "\(scratch.path)/class/iscsi_session/session1/state")
        try FileManager.default.removeItem(atPath: "\(scratch.path)/class/iscsi_connection/connection2:0")
        #expect(try ids().isEmpty)
    }

    @Test func disksAreTheTargetsInTheOrderOfTheirNumbers() throws {
        try session(1)
        try unit("2:0:0:9", of: 1, block: "sdb")
        try unit("2:0:0:1", of: 1, block: "sdc")
        try unit("2:0:0:3", of: 1, type: 12)
        try unit("2:0:0:4", of: 1, type: 14)
        // Nothing is connected there for this host.
        try unit("2:0:0:5", of: 1, type: 0x20)
        try session(2, at: "192.0.2.7")
        try unit("3:0:0:0", of: 2, block: "sdd")
        let session = try #require(try table.sessions(with: name, at: [PortalAddress("192.0.2.1", port: 3260)]).first)
        #expect(session.units.map(\.address) == ["2:0:0:1", "2:0:0:3", "2:0:0:4", "2:0:0:5", "2:0:0:9"])
        #expect(session.disks.map(\.block) == ["sdc", nil, "sdb"])
    }

    /// Its disk may be in use, and a logout that did not see it would take it away.
    @Test func aUnitThatCannotBeReadIsNotLeftOut() throws {
        try session(1)
        try unit("2:0:0:1", of: 1, block: "sdb")
        let inquiry = "class/iscsi_session/session1/device/target2:0:0/2:0:0:1/inquiry"
        try FileManager.default.removeItem(atPath: "\(scratch.path)/\(inquiry)")
        try FileManager.default.createDirectory(
            atPath: "\(scratch.path)/\(inquiry)", withIntermediateDirectories: false)
        #expect(throws: StorageError.self) { try ids() }
    }

    @Test func statesAreDistinguished() throws {
        try session(1)
        try session(2, state: "FAILED")
        try session(3, state: "FREE")
        let sessions = try table.sessions(with: name, at: [PortalAddress("192.0.2.1", port: 3260)])
        #expect(sessions.map(\.isLoggedIn) == [true, false, false])
        #expect(sessions.map(\.isWaiting) == [false, true, false])
    }
}
