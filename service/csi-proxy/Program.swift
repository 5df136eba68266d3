// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import HostStorage
import HostStorageLinux

/// Where the program begins. Its first thread takes signals and does nothing else, so that they are handled while all
/// others are blocked, and when the system gives no more threads or memory.
@main
enum Program {
    /// The least that it needs: threads of tasks, sockets, tools and the log, and a few queues.
    private static let threads = 24
    /// Threads and malloc's arenas reserve far more address space than they use.
    private static let addressSpace: UInt64 = 4 << 30

    static func main() {
        do throws(StorageError) {
            try ProcessStart.secure()
            // Before the first task: where it finds no thread, nothing goes on.
            try ProcessLimits.requireAddressSpace(addressSpace)
            try ProcessLimits.requireThreads(threads)
            try OwnTaskThreads.start()
            try ProgramLog.begin()
        } catch {
            ProcessStart.fail("csi-proxy cannot start: \(error)")
        }
        Task.detached { await run() }
        Signals.attend()
    }

    private static func run() async {
        do {
            var command = try CSIProxy.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            ProgramLog.flush()
            CSIProxy.exit(withError: error)
        }
        end(0)
    }

    /// Without the exit handlers of libraries: some wait for threads.
    static func end(_ status: Int32) -> Never {
        fflush(nil)
        ProgramLog.flush()
        _exit(status)
    }
}
