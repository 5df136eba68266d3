// SPDX-License-Identifier: Apache-2.0

import Foundation
public import LoopDisks
import Synchronization

/// A file whose reads and writes fail or wait by order, for a ``LoopDisk`` on it: `faulty_file.py`, run and
/// ended by its owner.
public final class FaultyFile: BackingFile {
    /// The faults. Ranges are in bytes.
    public struct Faults: Sendable, Encodable {
        public var readErrors: [[Int64]] = []
        public var writeErrors: [[Int64]] = []
        public var stalls: [[Int64]] = []
        public var stallsAttributes = false

        public init() {}

        public static func unreadable(_ range: Range<Int64>) -> Faults {
            var faults = Faults()
            faults.readErrors = [[range.lowerBound, range.upperBound]]
            return faults
        }

        public static let none = Faults()
        /// Requests for the file's status wait, until other orders come.
        public static let silent: Faults = {
            var faults = Faults()
            faults.stallsAttributes = true
            return faults
        }()
        /// Everything waits, until other orders come.
        public static let hang: Faults = {
            var faults = silent
            faults.stalls = [[0, .max]]
            return faults
        }()
    }

    public let path: String
    /// The bytes as they are, with nothing in the way.
    public let backing: String
    private let scratch: ScratchDirectory
    private let mountPoint: String
    private let server = Process()
    private let orders = Mutex((to: Pipe(), from: Pipe()))

    public init(size: Int64 = 1 << 30) throws {
        try RealDisks.require()
        scratch = try ScratchDirectory()
        backing = "\(scratch.path)/backing"
        mountPoint = "\(scratch.path)/faulty"
        path = "\(mountPoint)/disk"
        try FileManager.default.createDirectory(atPath: mountPoint, withIntermediateDirectories: true)
        _ = FileManager.default.createFile(atPath: backing, contents: nil)
        guard truncate(backing, off_t(size)) == 0 else { throw CommandFailed("truncate \(backing)") }

        // Debian's own Python has Debian's modules.
        server.executableURL = URL(filePath: "/usr/bin/python3")
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "faulty_file.py").path
        server.arguments = [script, backing, mountPoint]
        orders.withLock {
            server.standardInput = $0.to
            server.standardOutput = $0.from
        }
        try server.run()
        // It answers before it serves.
        try order(.none)
        let end = ContinuousClock.now + Self.timeout
        while !isServed {
            guard server.isRunning else { throw CommandFailed("faulty_file.py has ended; tools/setup --test") }
            guard .now < end else { throw CommandFailed("faulty_file.py does not serve within \(Self.timeout)") }
            usleep(5_000)
        }
    }

    private var isServed: Bool {
        var (inside, outside) = (stat(), stat())
        return stat(mountPoint, &inside) == 0 && stat(scratch.path, &outside) == 0 && inside.st_dev != outside.st_dev
    }

    /// Sets the faults, and returns how many requests wait for a change.
    @discardableResult
    public func order(_ faults: Faults) throws -> Int {
        let line = try JSONEncoder().encode(faults) + Data("\n".utf8)
        let answer = try orders.withLock { orders in
            try orders.to.fileHandleForWriting.write(contentsOf: line)
            return Self.line(from: orders.from.fileHandleForReading.fileDescriptor)
        }
        guard let answer = try? JSONDecoder().decode([String: Int].self, from: answer) else {
            throw CommandFailed(
                "faulty_file.py answered \"\(String(decoding: answer, as: UTF8.self))\" and "
                    + (server.isRunning ? "runs" : "ended with \(server.terminationStatus)"))
        }
        return answer["waiting"] ?? 0
    }

    private static func line(from descriptor: Int32) -> Data {
        var line = Data()
        var byte: UInt8 = 0
        while hasSomething(descriptor), read(descriptor, &byte, 1) == 1, byte != UInt8(ascii: "\n") {
            line.append(byte)
        }
        return line
    }

    /// Bounds the wait for the server: it answers at once, or not at all.
    private static let timeout = Duration.seconds(180)

    private static func hasSomething(_ descriptor: Int32) -> Bool {
        var question = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&question, 1, Int32(timeout.components.seconds) * 1000) == 1
    }

    /// The disk that is the file. It keeps the file alive.
    public func attach() throws -> LoopDisk { try LoopDisk(of: self) }

    deinit {
        // The server ends with its input, and with it all requests that still wait.
        orders.withLock { try? $0.to.fileHandleForWriting.close() }
        let end = ContinuousClock.now + Self.timeout
        while server.isRunning, .now < end { usleep(5_000) }
        if server.isRunning { kill(server.processIdentifier, SIGKILL) }
        _ = try? Command.run("umount", "--lazy", mountPoint)
    }
}
