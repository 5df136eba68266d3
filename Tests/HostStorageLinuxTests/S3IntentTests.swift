// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

/// S3: what is noted down is read again as it was, and what is not whole says nothing.
@Suite struct S3IntentTests {
    private static let intent = Intent(
        work: .format, target: "6a5d…", disk: DiskNumber(7), names: ["serial": "a\nb\\n=c", "wwid": ""], boot: "boot",
        filesystem: .xfs, uuid: "uuid", finished: "mark")

    @Test func everyFieldComesBack() {
        #expect(Intent(text: Self.intent.text) == Self.intent)
        var bare = Self.intent
        (bare.names, bare.filesystem, bare.uuid, bare.finished) = ([:], nil, nil, nil)
        #expect(Intent(text: bare.text) == bare)
    }

    @Test func whatIsCutOffOrUnknownIsNoIntent() {
        let lines = Self.intent.text.split(separator: "\n").map(String.init)
        #expect(Intent(text: "") == nil)
        for count in 0..<5 { #expect(Intent(text: lines.prefix(count).joined(separator: "\n")) == nil) }
        #expect(Intent(text: Self.intent.text.replacing("version=1", with: "version=2")) == nil)
        #expect(Intent(text: Self.intent.text.replacing("work=format", with: "work=wipe")) == nil)
        #expect(Intent(text: Self.intent.text + "no equals sign\n") == nil)
    }

    @Test func theJournalKeepsOneOfAKindForATargetUntilItIsStruck() throws {
        let scratch = try ScratchDirectory()
        let journal = try IntentJournal(stateDirectory: "\(scratch.path)/state")
        #expect(journal.all().isEmpty)
        #expect(try journal.intent(.format, "a") == nil)
        var intent = Self.intent
        for target in ["a", "b", "a"] {
            intent.target = target
            try journal.note(intent)
        }
        #expect(try journal.intent(.format, "a") == intent)
        #expect(try journal.intent(.resize, "a") == nil)
        #expect(Set(journal.all().map(\.target)) == ["a", "b"])
        // A write that was cut off leaves the one before.
        try "version=1".write(toFile: "\(scratch.path)/state/intents/format-a.new", atomically: false, encoding: .utf8)
        #expect(try journal.intent(.format, "a") == intent)
        #expect(journal.all().count == 2)
        try journal.strike(.format, "a")
        try journal.strike(.format, "a")
        #expect(try journal.intent(.format, "a") == nil)
        #expect(journal.all().map(\.target) == ["b"])
    }
}
