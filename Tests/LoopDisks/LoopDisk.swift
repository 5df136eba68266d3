// SPDX-License-Identifier: Apache-2.0

import Foundation
public import HostStorage
import Testing

/// A real disk for tests: a loop device on a sparse file of its own, gone with its owner.
public final class LoopDisk: Sendable {
    public let device: String
    public let file: String
    /// The server of the file, where it is no plain one. Released when the device is detached.
    private let server: (any BackingFile)?
    /// Keeps a device that detaches itself.
    private let hold: Int32?

    /// - Parameter size: in bytes.
    public init(size: Int64 = 1 << 30) throws {
        try RealDisks.require()
        file = FileManager.default.temporaryDirectory.appending(path: "host-storage-\(UUID()).disk").path
        _ = FileManager.default.createFile(atPath: file, contents: nil)
        guard truncate(file, off_t(size)) == 0 else { throw CommandFailed("truncate \(file)") }
        device = try Self.attach(file)
        (server, hold) = (nil, nil)
    }

    /// A disk on a file that another program serves. It is gone with this process too, in every way of ending.
    public init(of server: any BackingFile) throws {
        file = server.path
        device = try Self.attach(file)
        // Detaching a device that is open makes the kernel detach it when it is closed (losetup(8)).
        let descriptor = open(device, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CommandFailed("open \(device): errno \(errno)") }
        try Command.run("losetup", "--detach", device)
        (self.server, hold) = (server, descriptor)
    }

    private static func attach(_ file: String) throws -> String {
        let device = try Command.run("losetup", "--find", "--show", file)
        // A process that died may have left partitions of the device's last file, or may have made the device
        // read-only.
        _ = try? Command.run("partx", "--delete", device)
        try Command.run("blockdev", "--setrw", device)
        return device
    }

    deinit {
        // A process that is about to end may still hold a mount or a partition, and then the device as well: a child of
        // another test between fork and exec, a FUSE server.
        var inTheWay: String?
        for _ in 0..<Self.attempts {
            inTheWay = releaseFromUsers()
            guard inTheWay != nil else { break }
            usleep(50_000)
        }
        if let inTheWay { Issue.record("\(device) is left behind: \(inTheWay)") }
        if let hold {
            close(hold)
        } else {
            _ = try? Command.run("losetup", "--detach", device)
            try? FileManager.default.removeItem(atPath: file)
        }
    }

    /// How often a device is tried to be released: for ten seconds.
    private static let attempts = 200

    /// Unmounts the device, with what is mounted in its filesystem, and takes its partitions away.
    ///
    /// - Returns: what is in the way, nil when nothing uses the device any more.
    private func releaseFromUsers() -> String? {
        var failures: [String] = []
        for mount in Self.mounts(of: device) {
            do { try Command.run("umount", "--recursive", mount) } catch { failures.append("\(error)") }
        }
        do { try Command.run("partx", "--delete", device) } catch { failures.append("\(error)") }
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/sys/block/\(name)")) ?? []
        guard entries.contains(where: { $0.hasPrefix("\(name)p") }) || !Self.mounts(of: device).isEmpty else {
            return nil
        }
        return failures.joined(separator: "; ")
    }

    public var name: String { String(device.dropFirst("/dev/".count)) }

    /// Its number, from the kernel.
    public var number: DiskNumber {
        get throws {
            let text = try String(contentsOfFile: "/sys/block/\(name)/diskseq", encoding: .utf8)
            return try DiskNumber(decimal: text.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    /// The device of its partition, once the kernel knows it.
    public func partition(_ number: Int = 1) -> String { "\(device)p\(number)" }

    public func grow(to size: Int64) throws {
        guard truncate(file, off_t(size)) == 0 else { throw CommandFailed("truncate \(file)") }
    }

    /// Makes the disk blank, of that size, and one that the kernel knows no partition of.
    public func reset(to size: Int64) throws {
        _ = try? Command.run("partx", "--delete", device)
        guard truncate(file, 0) == 0, truncate(file, off_t(size)) == 0 else { throw CommandFailed("truncate \(file)") }
        try Command.run("losetup", "--set-capacity", device)
        try Command.run("blockdev", "--flushbufs", device)
    }

    /// Writes to the file behind the device; not for a device in use.
    public func write(_ bytes: [UInt8], at offset: UInt64) throws {
        let handle = try FileHandle(forWritingTo: URL(filePath: file))
        defer { try? handle.close() }
        try handle.seek(toOffset: offset)
        try handle.write(contentsOf: Data(bytes))
        try handle.synchronize()
        _ = try Command.run("blockdev", "--flushbufs", device)
    }

    /// A fingerprint of every byte of the disk.
    public func digest() throws -> String {
        // Writes through a partition's device may not have reached this device's cache yet.
        _ = try Command.run("blockdev", "--flushbufs", device)
        return try Command.run("cksum", device)
    }

    private static func mounts(of device: String) -> [String] {
        MountedPlaces.all().filter { $0.source == device || $0.source.hasPrefix("\(device)p") }.map(\.target).reversed()
    }
}

/// A file that a program serves for a ``LoopDisk``, for as long as that is attached.
public protocol BackingFile: AnyObject, Sendable {
    var path: String { get }
}

/// A directory for tests, gone with its owner.
public final class ScratchDirectory: Sendable {
    public let path: String

    public init() throws {
        path = "/tmp/hs-\(UUID().uuidString.prefix(8).lowercased())"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        for mount in MountedPlaces.all().reversed() where mount.target.hasPrefix("\(path)/") {
            _ = try? Command.run("umount", mount.target)
        }
        _ = try? Command.run("rm", "--recursive", "--force", "--one-file-system", path)
    }
}
