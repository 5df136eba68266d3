// SPDX-License-Identifier: Apache-2.0

import HostStorage
import StorageWire
import Testing

/// The errors of a host, as a client has them.
@Suite struct ErrorDetailsTests {
    private static func error(holders: [Holder], cause: StorageError.Cause?) -> StorageError {
        var error = StorageError(.busy, "it is in use", operation: "format volume", subject: "/dev/sda1", cause: cause)
        error.holders = holders
        return error
    }

    private static let holders: [Holder] = [
        .process(id: 7, name: "fio", use: "open for writing"), .mount(target: "/a", seenByProcess: nil),
        .mount(target: "/b", seenByProcess: 0), .mount(target: "/b", seenByProcess: 8), .device(name: "dm-0"),
    ]

    @Test func everyFieldOfAnErrorArrives() throws {
        let causes: [StorageError.Cause?] = [
            nil, .systemCall("open", errno: 16, text: "Device or resource busy"),
            .program("mkfs.ext4", status: 1, output: "it is mounted"),
        ]
        for cause in causes {
            let error = Self.error(holders: Self.holders, cause: cause)
            let trailer = try #require(ErrorDetails.trailer(of: error, status: 9, text: "\(error)", room: 2400))
            #expect(ErrorDetails.error(in: trailer) == error)
        }
    }

    /// A client's libraries end a call whose headers are too long.
    @Test func whatIsTooLongIsShortenedAndNamesTheFirstHolders() throws {
        let holders = (1...500).map { Holder.process(id: $0, name: "p", use: "open device") }
        let error = Self.error(
            holders: holders, cause: .program("mkfs.ext4", status: 1, output: String(repeating: "x", count: 5000)))
        let trailer = try #require(ErrorDetails.trailer(of: error, status: 9, text: "busy", room: 2400))
        #expect(trailer.count <= 2400)
        #expect(
            ErrorDetails.error(in: trailer)
                == Self.error(holders: Array(holders[..<8]), cause: .program("mkfs.ext4", status: 1, output: "")))
        #expect(ErrorDetails.trailer(of: error, status: 9, text: "busy", room: 10) == nil)
    }

    @Test func otherBytesAreNoError() {
        #expect(ErrorDetails.error(in: []) == nil)
        #expect(ErrorDetails.error(in: [0xFF, 0xFF]) == nil)
    }
}
