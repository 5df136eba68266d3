// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import HostStorageTestKit
import Testing

/// The host's paths in errors.
@Suite struct ErrorTextTests {
    @Test func whatAFileOrAProgramIsNamedTurnsNoTerminalAndBreaksNoLine() {
        var error = StorageError(
            .busy, "held\u{1B}[31m\nby", operation: "unmount volume", subject: "/x/\u{202E}txt.exe\u{7}",
            cause: .program("mkfs", status: 1, output: "one\r\ntwo\u{9B}\u{2028}\0"))
        error.holders = [.process(id: 1, name: "a\nb", use: "open file")]
        let text = "\(error)"
        for scalar in text.unicodeScalars {
            #expect(scalar.value >= 0x20 && !(0x7F..<0xA0).contains(scalar.value), "\(scalar.value)")
            #expect(![0x2028, 0x202E].contains(scalar.value))
        }
        #expect(text.contains("one  two") && text.contains("a b") && text.contains("txt.exe"))
    }

    /// For every error of a backend, and every place beneath a drive.
    @Test func inTheWindowsDialectErrorsHaveThePathsOfCallers() async throws {
        let paths = try PathPolicy(
            roots: [#"C:\var\lib\kubelet"#], drives: ["C": "/srv/c drive"], dialect: .windows, ignoresCase: true)
        let host = MemoryHost(settings: HostSettings(paths: paths))
        let root = "/srv/c drive/var/lib/kubelet"
        let place = #"C:\var\lib\kubelet\x"#
        func text(_ error: StorageError) async -> String {
            host.backend.fail(.makeDirectory, with: error)
            defer { host.backend.clearFaults() }
            let error = await expectError(error.code) { try await host.makeDirectory(place) }
            return error.map { "\($0)" } ?? ""
        }
        #expect(
            await text(StorageError(.denied, "it failed", subject: "\(root)/a b/c"))
                == #"make directory C:\var\lib\kubelet\a b\c: it failed"#)
        #expect(
            await text(StorageError(.inputOutput, "it cannot be read", subject: "/dev/sda1 at offset 512"))
                == "make directory sda1 at offset 512: it cannot be read")
        #expect(
            await text(StorageError(.denied, "a mount at \(root)/x, and at '\(root)/y': 3 km/h // of /dev/sdb2."))
                == #"make directory \#(place): a mount at C:\var\lib\kubelet\x, and at 'C:\var\lib\kubelet\y': 3 km/h // of sdb2."#
        )
        let cause = StorageError.Cause.program("mkfs", status: 1, output: "mkfs: \(root)/x: no (/dev/loop0p1)")
        #expect(
            await text(StorageError(.internalError, "it failed", cause: cause))
                == #"make directory \#(place): it failed (mkfs: status 1: mkfs: C:\var\lib\kubelet\x: no (loop0p1))"#)
    }
}
