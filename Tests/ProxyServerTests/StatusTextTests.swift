// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageAPI
import HostStorageTestKit
import RPC
import SwiftProtobuf
import Testing

@testable import ProxyServer

/// The text of an error reaches its caller, at any length.
@Suite(.timeLimit(.minutes(20))) struct StatusTextTests {
    /// As gRPC encodes it (gRPC over HTTP2, "Percent-Byte-Encoded").
    private static func encodedSize(_ text: String) -> Int {
        text.utf8.reduce(0) { $0 + ((0x20...0x7E).contains($1) && $1 != UInt8(ascii: "%") ? 1 : 3) }
    }

    @Test(arguments: ["x", "%", "ä", "日", "😀", "e\u{301}", "👩‍👩‍👧", "a日😀%"])
    func aLongTextIsCutAtACharacter(_ character: String) {
        for length in [1, 100, 300, 1000, 1365, 1366, 4095, 4096, 4097, 20_000] {
            let text = String(repeating: character, count: length)
            let bounded = StatusText.bounded(text)
            #expect(Self.encodedSize(bounded) <= StatusText.limit)
            if Self.encodedSize(text) <= StatusText.limit {
                #expect(bounded.utf8.elementsEqual(text.utf8))
            } else {
                #expect(bounded.last == "…" && text.hasPrefix(bounded.dropLast()))
                #expect(Self.encodedSize(bounded) > StatusText.limit - 9 - 3 * 4 * 18, "no more is cut than must be")
            }
        }
    }

    @Test func oneCharacterOfMegabytesIsLeftOut() {
        #expect(StatusText.bounded("a" + String(repeating: "\u{301}", count: 1 << 20)) == "…")
    }

    /// gRPC in C, and with it in Python and others, takes 8 KiB of metadata and makes another status of more.
    @Test func theStatusOfALongErrorIsTheErrorsOwn() async throws {
        try await withProxy { proxy in
            let long = StorageError(
                .failedPrecondition, String(repeating: "日本", count: 20_000),
                cause: .program("mkfs", status: 1, output: String(repeating: "ä\n", count: 20_000)))
            proxy.memory.backend.fail(.makeDirectory, with: long)
            do {
                let _: V1_MkdirResponse = try await call(
                    proxy.socket("filesystem-v1"), "v1.Filesystem/Mkdir",
                    V1_MkdirRequest.with { $0.path = "/var/lib/kubelet/x" })
                Issue.record("it succeeded")
            } catch let error as Status {
                #expect(error.code == .failedPrecondition)
                #expect(
                    error.message.hasPrefix("make directory /var/lib/kubelet/x: 日本") && error.message.hasSuffix("…"))
                let size = Self.encodedSize(error.message)
                #expect(size <= StatusText.limit && size > StatusText.limit / 2)
            }
        }
    }
}
