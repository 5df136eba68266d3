// SPDX-License-Identifier: Apache-2.0

import Foundation
import LoopDisks
import Synchronization

/// Looks for secrets where other processes can read: in command lines and environments of all processes, and in files.
/// This process's memory, and links into it, are not looked at.
final class SecretHunt: Sendable {
    private let secrets: [Data]
    private let directories: [String]
    private let found = Mutex<Set<String>>([])
    private let rounds = Mutex(0)
    private let isOver = Mutex(false)

    /// - Parameter directories: whose files are read, with all below.
    init(for secrets: [String], in directories: [String]) {
        self.secrets = secrets.map { Data($0.utf8) }
        self.directories = directories
    }

    /// Goes round and round while `body` runs, and returns where it has found one.
    func places(during body: () async throws -> Void) async throws -> Set<String> {
        let thread = Thread { [self] in
            while !isOver.withLock({ $0 }) { look() }
        }
        thread.start()
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
        isOver.withLock { $0 = true }
        while !thread.isFinished { try await Task.sleep(for: .milliseconds(5)) }
        look()
        try outcome.get()
        return found.withLock { $0 }
    }

    var timesLooked: Int { rounds.withLock { $0 } }

    private func look() {
        for process in Kernel.names(in: "/proc") where Int32(process) != nil {
            for file in ["cmdline", "environ"] { read("/proc/\(process)/\(file)") }
        }
        for directory in directories {
            read(directory)
            guard let files = FileManager.default.enumerator(atPath: directory) else { continue }
            for case let file as String in files { read("\(directory)/\(file)") }
        }
        rounds.withLock { $0 += 1 }
    }

    private func read(_ path: String) {
        let file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return }
        let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
        guard let data = try? handle.readToEnd() else { return }
        if secrets.contains(where: { data.firstRange(of: $0) != nil }) { found.withLock { _ = $0.insert(path) } }
    }
}
