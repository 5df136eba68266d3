// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import HostStorageTestKit
import Testing

@Suite struct VolumeIDTests {
    static let guid = "1b2a3c4d-5e6f-7a8b-9c0d-e1f2a3b4c5d6"
    static let text = #"\\?\Volume{1b2a3c4d-5e6f-7a8b-9c0d-e1f2a3b4c5d6}\"#

    @Test func isWrittenInOneWayHoweverItIsRead() throws {
        for text in [
            Self.text, String(Self.text.dropLast()), Self.text.replacing("a", with: "A"), Self.text.uppercased(),
            Self.text.lowercased(),
        ] {
            let id = try VolumeID(text)
            #expect(id.guid == Self.guid)
            #expect("\(id)" == Self.text)
            #expect(try id == VolumeID(guid: Self.guid.uppercased()))
        }
    }

    @Test(arguments: [
        "", "-1", "1", guid, "{\(guid)}", #"\\?\Volume{}\"#, #"\\?\Volume{\#(guid)"#, #"\\?\Volume{\#(guid)}\\"#,
        #"\\?\Volume{\#(guid)}x"#, #"\\?\Volume{\#(guid)}/"#, #"\\.\Volume{\#(guid)}\"#,
        #"\\?\Volume{\#(guid.dropLast())}\"#, #"\\?\Volume{\#(guid)0}\"#, #"\\?\Volume{\#(guid.dropLast())g}\"#,
        #"\\?\Volume{\#(guid.replacing("-", with: "0"))}\"#, #"\\?\Volume{\#(guid.replacing("-", with: "_"))}\"#,
        // Digits to Unicode, and of the right count in characters: Arabic-Indic, full-width, with a mark.
        #"\\?\Volume{\#(guid.dropLast())٦}\"#, #"\\?\Volume{\#(guid.dropLast())６}\"#,
        #"\\?\Volume{\#(guid)\#u{301}}\"#, #"\\?\Volume{\#(guid.dropLast(2))é}\"#,
        " " + text, text + "\n", text + "\0",
    ])
    func isNone(_ text: String) {
        let error = expectError(.invalidArgument) { try VolumeID(text) }
        #expect(error.map { !"\($0)".contains("\0") && !"\($0)".contains("\n") } ?? false)
    }

    @Test(arguments: ["", "-1", text, String(guid.dropLast()), guid + "0", guid.replacing("-", with: "/")])
    func isNoGUID(_ text: String) { expectError(.invalidArgument, "is not a GUID") { try VolumeID(guid: text) } }

    /// In proportion to their length: the square of it would take hours.
    @Test(.timeLimit(.minutes(20))) func megabytesAreRefusedAtOnceAndInFewWords() {
        for text in [
            String(repeating: "x", count: 4 << 20), Self.text + String(repeating: "}", count: 4 << 20),
            // One single character of four megabytes.
            "a" + String(repeating: "\u{301}", count: 2 << 20),
        ] {
            let error = expectError(.invalidArgument) { try VolumeID(text) }
            #expect((error.map { "\($0)".utf8.count } ?? .max) < 1000)
            let guid = expectError(.invalidArgument) { try VolumeID(guid: text) }
            #expect((guid.map { "\($0)".utf8.count } ?? .max) < 1000)
        }
    }
}

@Suite struct DiskNumberTests {
    @Test(arguments: [("0", 0), ("7", 7), ("007", 7), ("4294967295", UInt32.max)] as [(String, UInt32)])
    func isReadFromDecimal(_ text: String, _ number: UInt32) throws {
        #expect(try DiskNumber(decimal: text) == DiskNumber(number))
    }

    @Test(arguments: [
        "", " 1", "1 ", "-1", "+1", "abc", "0x1", "1.0", "4294967296", "18446744073709551617", "1\0", "٣", "１",
        "1\u{301}", "1_0", "\\\\.\\PHYSICALDRIVE1",
    ])
    func isNone(_ text: String) {
        expectError(.invalidArgument, "is not a disk number") { try DiskNumber(decimal: text) }
    }

    @Test func errorsOfLongNumbersAreShort() {
        let error = expectError(.invalidArgument) { try DiskNumber(decimal: String(repeating: "9", count: 4 << 20)) }
        #expect((error.map { "\($0)".utf8.count } ?? .max) < 1000)
    }

    @Test func isWrittenAndOrderedAsANumber() {
        #expect("\(DiskNumber(12))" == "12" && DiskNumber(9) < DiskNumber(10))
        #expect("\(PartitionNumber(3))" == "3" && PartitionNumber(9) < PartitionNumber(10))
    }
}

@Suite struct ResizePlanTests {
    static let (mib, gib) = (Int64(1) << 20, Int64(1) << 30)

    struct Row: Sendable {
        var requested: VolumeSize
        var maximum = 2 * ResizePlanTests.gib
        var ceiling: Int64?
        var plan: ResizePlan?
    }

    /// All from a partition of 1 GiB.
    @Test(arguments: [
        Row(requested: .maximum, plan: .grow(to: 2 * gib)),
        Row(requested: .maximum, maximum: gib, plan: .keep),
        // The maximum is taken however little it is.
        Row(requested: .maximum, maximum: gib + 1, plan: .grow(to: gib + 1)),
        Row(requested: .bytes(gib + gib / 2), plan: .grow(to: gib + gib / 2)),
        Row(requested: .bytes(2 * gib), plan: .grow(to: 2 * gib)),
        Row(requested: .bytes(2 * gib + 1), plan: nil),
        Row(requested: .bytes(.max), plan: nil),
        Row(requested: .bytes(gib), plan: .keep),
        Row(requested: .bytes(gib - 1), plan: .keep),
        Row(requested: .bytes(1), plan: .keep),
        Row(requested: .bytes(-1), plan: .keep),
        Row(requested: .bytes(.min), plan: .keep),
        // There is no growth too small to count.
        Row(requested: .bytes(gib + 1), plan: .grow(to: gib + 1)),
        Row(requested: .bytes(gib + 1), maximum: gib, plan: nil),
        // Callers need not know the size of the disk's table.
        Row(requested: .bytes(2 * gib + 1), ceiling: 2 * gib + mib, plan: .grow(to: 2 * gib)),
        Row(requested: .bytes(2 * gib + mib), ceiling: 2 * gib + mib, plan: .grow(to: 2 * gib)),
        Row(requested: .bytes(2 * gib + mib + 1), ceiling: 2 * gib + mib, plan: nil),
        Row(requested: .bytes(gib + 1), maximum: gib, ceiling: gib + mib, plan: .keep),
    ])
    func comesTo(_ row: Row) throws {
        func plan() throws -> ResizePlan {
            try ResizePlan(
                requested: row.requested, current: Self.gib, maximum: row.maximum,
                ceiling: row.ceiling ?? row.maximum)
        }
        if let expected = row.plan {
            #expect(try plan() == expected)
        } else {
            expectError(.outOfRange, "\(row.maximum)") { try plan() }
        }
    }
}

@Suite struct DiskNameTests {
    @Test func isComparedByteByByte() async throws {
        let host = try MemoryHost()
        for name in ["naa.1", "\u{E9}", "e\u{301}", "twice", "twice"] {
            try host.backend.attachDisk(size: 1 << 30, identifiers: DiskIdentifiers(page83: name, serialNumber: ""))
        }
        #expect(try await host.disk(page83: "naa.1") == DiskNumber(1))
        #expect(try await host.disk(page83: "\u{E9}") == DiskNumber(2))
        #expect(try await host.disk(page83: "e\u{301}") == DiskNumber(3))
        await expectError(.notFound, "NAA.1") { try await host.disk(page83: "NAA.1") }
        await expectError(.notFound) { try await host.disk(page83: "naa.1 ") }
        await expectError(.failedPrecondition, "disks 4, 5 all name themselves") {
            try await host.disk(page83: "twice")
        }
        await expectError(.invalidArgument, "empty") { try await host.disk(page83: "") }
        let error = await expectError(.notFound) {
            try await host.disk(page83: String(repeating: "x", count: 4 << 20))
        }
        #expect((error.map { "\($0)".utf8.count } ?? .max) < 1000)
    }
}
