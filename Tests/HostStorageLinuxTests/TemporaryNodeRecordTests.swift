// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

/// S7: a login's secrets are in no file but one of this process's memory, and the link in the record's place goes, also
/// after a kill.
@Suite struct TemporaryNodeRecordTests {
    private static let secret = "secret-of-the-host"

    /// open-iscsi's records in a directory of their own.
    private struct Records {
        let scratch: ScratchDirectory
        let database: NodeDatabase
        let record: NodeRecord

        init() throws {
            scratch = try ScratchDirectory()
            database = NodeDatabase(directory: scratch.path)
            let target = try ISCSIName("iqn.2001-04.com.example:x")
            let directory = "\(scratch.path)/nodes/\(target)/::1,3260,1"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try "plain\n".write(toFile: "\(directory)/default", atomically: false, encoding: .utf8)
            record = try #require(database.records(of: target).first)
        }

        func install() throws -> TemporaryNodeRecord {
            try TemporaryNodeRecord(record, timeout: .milliseconds(100)) { $0 + secret }
        }

        func inode() throws -> UInt64 {
            try FileManager.default.attributesOfItem(atPath: record.path)[.systemFileNumber] as? UInt64 ?? 0
        }

        /// The record as iscsiadm reads it.
        func text() throws -> String { try String(contentsOfFile: record.path, encoding: .utf8) }

        var isClean: Bool { !FileManager.default.fileExists(atPath: database.replaced) }

        /// Whether a file below the directory holds the secret. Links are not followed.
        func hasSecret() -> Bool {
            (try? Command.run("grep", "--recursive", "--quiet", "--text", "--fixed-strings", secret, scratch.path))
                != nil
        }
    }

    @Test func whileItIsInstalledTheRecordIsAFileOfThisProcessAlone() throws {
        let records = try Records()
        let inode = try records.inode()
        let temporary = try records.install()
        #expect(try records.text() == "plain\n\(Self.secret)")
        let link = try FileManager.default.destinationOfSymbolicLink(atPath: records.record.path)
        #expect(link.hasPrefix("/proc/\(getpid())/fd/"))
        // For root, or the user of this process, alone.
        #expect(try Command.run("stat", "--dereference", "--format=%a", link) == "600")
        #expect(!records.hasSecret())
        try temporary.restore()
        #expect(try records.text() == "plain\n" && records.inode() == inode)
        #expect(records.isClean)
        try temporary.restore()
        #expect(try records.text() == "plain\n")
    }

    @Test func theHuntSeesASecretThatIsThere() throws {
        let records = try Records()
        try "x \(Self.secret) y".write(toFile: "\(records.scratch.path)/planted", atomically: false, encoding: .utf8)
        #expect(records.hasSecret())
    }

    @Test func whatAKilledProcessHasInstalledIsRestored() throws {
        let records = try Records()
        let inode = try records.inode()
        var place = stat()
        do {
            let temporary = try records.install()
            try #require(stat(records.record.path, &place) == 0)
            withExtendedLifetime(temporary) {}
        }
        // Gone with its process: the link leads nowhere, or to another test's file under the same number.
        var now = stat()
        #expect(stat(records.record.path, &now) != 0 || now.st_ino != place.st_ino || now.st_dev != place.st_dev)
        #expect(TemporaryNodeRecord.restoreAll(in: records.database).isEmpty)
        #expect(try records.text() == "plain\n" && records.inode() == inode)
        #expect(records.isClean)
    }

    @Test func theNextLoginGivesBackFirst() throws {
        let records = try Records()
        do { _ = try records.install() }
        let temporary = try records.install()
        #expect(try records.text() == "plain\n\(Self.secret)")
        try temporary.restore()
        #expect(try records.text() == "plain\n" && records.isClean)
    }

    @Test func aKillBetweenTheStepsLosesNothing() throws {
        let records = try Records()
        // After the record got its second name.
        try FileManager.default.createDirectory(
            atPath: records.record.temporaryDirectory, withIntermediateDirectories: true)
        try FileManager.default.linkItem(
            atPath: records.record.path, toPath: "\(records.record.temporaryDirectory)/default")
        #expect(TemporaryNodeRecord.restoreAll(in: records.database).isEmpty)
        #expect(try records.text() == "plain\n" && records.isClean)
    }

    @Test func aRecordThatWasMadeAnewMeanwhileStays() throws {
        let records = try Records()
        let temporary = try records.install()
        try FileManager.default.removeItem(atPath: records.record.path)
        try "new\n".write(toFile: records.record.path, atomically: false, encoding: .utf8)
        try temporary.restore()
        #expect(try records.text() == "new\n" && records.isClean)
    }

    @Test func aTargetThatWasForgottenMeanwhileStaysForgotten() throws {
        let records = try Records()
        do { _ = try records.install() }
        try FileManager.default.removeItem(atPath: "\(records.scratch.path)/nodes")
        #expect(TemporaryNodeRecord.restoreAll(in: records.database).isEmpty)
        #expect(records.isClean)
        #expect(!FileManager.default.fileExists(atPath: records.record.path))
    }

    @Test func oneLoginAtATimeHasTheRecord() throws {
        let records = try Records()
        let temporary = try records.install()
        expectError(.aborted, "another process") { try records.install() }
        #expect(TemporaryNodeRecord.restoreAll(in: records.database).isEmpty)
        #expect(try records.text().hasSuffix(Self.secret))
        try temporary.restore()
    }

    @Test func aFailureWhileLendingLeavesTheRecord() throws {
        let records = try Records()
        expectError(.invalidArgument) {
            try TemporaryNodeRecord(records.record, timeout: .zero) { _ throws(StorageError) in
                throw StorageError(.invalidArgument, "no")
            }
        }
        #expect(try records.text() == "plain\n" && records.isClean)
    }

    /// Though another thread was just starting a program.
    @Test func aFailureWhileLendingLeavesNoLock() throws {
        let records = try Records()
        var child: ForkedChild?
        expectError(.invalidArgument) {
            try TemporaryNodeRecord(records.record, timeout: .zero) { _ throws(StorageError) in
                child = try? ForkedChild(milliseconds: 60_000)
                throw StorageError(.invalidArgument, "no")
            }
        }
        try #require(child != nil)
        try records.install().restore()
        withExtendedLifetime(child) {}
    }
}
