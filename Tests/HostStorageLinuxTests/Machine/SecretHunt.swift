// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import Glibc
import Synchronization
import Testing

/// Looks for secrets where other processes can read: in command lines and environments of all processes, and in files.
/// This process's memory, and links into it, are not looked at.
final class SecretHunt: Sendable {
    private let secrets: [Data]
    private let directories: [String]
    private let found = Mutex<Set<String>>([])
    private let rounds = Mutex((processes: 0, files: 0))
    private let isOver = Mutex(false)

    /// - Parameter directories: whose files are read, with all below.
    init(for secrets: [String], in directories: [String]) {
        self.secrets = secrets.map { Data($0.utf8) }
        self.directories = directories
    }

    /// Goes round and round while `body` runs, and returns where it has found one.
    func places(during body: () async throws -> Void) async throws -> Set<String> {
        // Apart, as a program can be gone before all files are read.
        let threads = [
            Thread { [self] in while !isOver.withLock({ $0 }) { lookAtProcesses() } },
            Thread { [self] in while !isOver.withLock({ $0 }) { lookAtFiles() } },
        ]
        for thread in threads { thread.start() }
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
        isOver.withLock { $0 = true }
        try await eventually("the hunt has come to its end") { threads.allSatisfy(\.isFinished) }
        lookAtFiles()
        try outcome.get()
        return found.withLock { $0 }
    }

    /// How often it has been through all processes, and all files.
    var timesLooked: (processes: Int, files: Int) { rounds.withLock { $0 } }

    private func lookAtProcesses() {
        for process in Kernel.names(in: "/proc") where Int32(process) != nil {
            for file in ["cmdline", "environ"] { read("/proc/\(process)/\(file)") }
        }
        rounds.withLock { $0.processes += 1 }
    }

    private func lookAtFiles() {
        for directory in directories {
            read(directory)
            guard let files = FileManager.default.enumerator(atPath: directory) else { continue }
            for case let file as String in files { read("\(directory)/\(file)") }
        }
        rounds.withLock { $0.files += 1 }
    }

    private func read(_ path: String) {
        let file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return }
        defer { close(file) }
        var data = Data()
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while case let count = Glibc.read(file, &buffer, buffer.count), count > 0 { data += buffer[..<count] }
        if data.isEmpty { return }
        if secrets.contains(where: { data.firstRange(of: $0) != nil }) { found.withLock { _ = $0.insert(path) } }
    }
}
