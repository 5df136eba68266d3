// SPDX-License-Identifier: Apache-2.0

import Foundation
import ProxyServer
import StorageAccess
import Testing

/// Which owners and modes of files are accepted.
@Suite struct PolicyFileTests {
    /// The fault with which a file is refused, or nil.
    private static func fault(_ text: String = "policy: 1\nrules: []\n", _ change: (String) throws -> Void) throws
        -> String?
    {
        let directory = FileManager.default.temporaryDirectory.appending(path: "policy-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appending(path: "policy.yaml").path
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        guard chmod(path, 0o644) == 0 else { throw POSIXError(.EIO) }
        try change(path)
        do throws(PolicyFaults) {
            _ = try AccessPolicy(file: path, methods: .served, names: accounts)
            return nil
        } catch {
            #expect(error.file == path && error.description.contains(path))
            return PolicyFaults(error.faults).description
        }
    }

    @Test func aFileOfOursIsTaken() throws {
        #expect(try Self.fault { _ in } == nil)
        #expect(try Self.fault { path in chmod(path, 0o400) } == nil)
    }

    @Test func whatOthersCanWriteIsRefused() throws {
        for mode in [0o664, 0o646, 0o666, 0o777] as [mode_t] {
            #expect(
                try Self.fault { path in chmod(path, mode) }
                    == "others than its owner can write it (mode 0\(String(mode, radix: 8)))")
        }
    }

    @Test(.enabled(if: geteuid() == 0, "takes root, which can change a file's owner"))
    func aFileOfAnotherUserIsRefused() throws {
        #expect(try Self.fault { path in chown(path, 1001, 0) } == "it belongs to uid 1001, which could change it")
    }

    @Test(.timeLimit(.minutes(20))) func whatIsNoFileIsRefused() throws {
        #expect(try Self.fault { path in unlink(path) } == "the file cannot be opened: No such file or directory")
        #expect(
            try Self.fault { path in
                unlink(path)
                mkdir(path, 0o755)
            } == "it is no regular file")
        #expect(
            try Self.fault { path in
                unlink(path)
                mkfifo(path, 0o644)
            } == "it is no regular file")
    }

    @Test func aFileThatIsTooLongIsRefused() throws {
        let long = String(repeating: "#", count: AccessPolicy.maximumFileSize + 1)
        #expect(try Self.fault(long) { _ in } == "the file is longer than 65536 bytes")
    }
}
