// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

/// S3: records are read as they were written, and an incomplete one has no effect.
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

    /// A disk's names can end in any byte, and a carriage return before a line feed is one character with it.
    @Test(arguments: ["a\r", "\r", "a\r\nb", "\\\r\n", "\\", "\\\u{301}", "\u{301}a", "a\\n", "\n\u{301}"])
    func aNameOfAnyBytesComesBack(_ name: String) {
        var intent = Self.intent
        intent.names = ["a": name, "b": "next"]
        let read = Intent(text: intent.text)
        #expect(read?.names["a"].map { Array($0.utf8) } == Array(name.utf8))
        #expect(read?.names["b"] == "next" && read?.uuid == intent.uuid)
    }

    @Test func whatIsCutOffOrUnknownIsNoIntent() {
        let lines = Self.intent.text.split(separator: "\n").map(String.init)
        #expect(Intent(text: "") == nil)
        for count in 0..<5 { #expect(Intent(text: lines.prefix(count).joined(separator: "\n")) == nil) }
        #expect(Intent(text: Self.intent.text.replacing("version=1", with: "version=2")) == nil)
        #expect(Intent(text: Self.intent.text.replacing("work=format", with: "work=wipe")) == nil)
        #expect(Intent(text: Self.intent.text + "no equals sign\n") == nil)
    }

    /// A foreign file at the place of a record is no record, and is neither followed nor waited for.
    @Test func whatIsNoFileOfThisLayerIsNotRead() async throws {
        let scratch = try ScratchDirectory()
        func path(_ name: String) -> String { "\(scratch.path)/\(name)" }
        try Self.intent.text.write(toFile: path("file"), atomically: false, encoding: .utf8)
        #expect(try StateFile.read(path("file")) == Self.intent.text)
        try FileManager.default.createSymbolicLink(atPath: path("link"), withDestinationPath: path("file"))
        #expect(mkdir(path("directory"), 0o700) == 0)
        close(creat(path("large"), 0o600))
        #expect(truncate(path("large"), 1 << 20 + 1) == 0)
        for name in ["link", "directory", "large", "missing"] {
            #expect(try StateFile.read(path(name)) == nil, "\(name)")
        }
        let pipe = path("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        let reader = Thread { _ = try? StateFile.read(pipe) }
        reader.start()
        defer { close(open(pipe, O_RDWR | O_NONBLOCK | O_CLOEXEC)) }
        try await eventually("the pipe was not waited for") { reader.isFinished }
        #expect(try StateFile.read(pipe) == nil)
        // Nor is a link followed to write.
        try FileManager.default.createSymbolicLink(atPath: path("new.new"), withDestinationPath: path("file"))
        try StateFile.write("other", to: path("new"))
        #expect(try StateFile.read(path("file")) == Self.intent.text)
    }

    @Test func theJournalKeepsOneOfAKindForATargetUntilItIsStruck() throws {
        let scratch = try ScratchDirectory()
        let journal = try IntentJournal(stateDirectory: "\(scratch.path)/state")
        #expect(journal.all().isEmpty)
        #expect(try journal.intent(.format, "a") == nil)
        var intent = Self.intent
        for target in ["a", "b", "a"] {
            intent.target = target
            try journal.record(intent)
        }
        #expect(try journal.intent(.format, "a") == intent)
        #expect(try journal.intent(.resize, "a") == nil)
        #expect(Set(journal.all().map(\.target)) == ["a", "b"])
        // A write that was cut off leaves the one before.
        try "version=1".write(toFile: "\(scratch.path)/state/intents/format-a.new", atomically: false, encoding: .utf8)
        #expect(try journal.intent(.format, "a") == intent)
        #expect(journal.all().count == 2)
        try journal.remove(.format, "a")
        try journal.remove(.format, "a")
        #expect(try journal.intent(.format, "a") == nil)
        #expect(journal.all().map(\.target) == ["b"])
    }
}
