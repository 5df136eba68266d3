// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// An open file, directory or device. Closed when its owner ends.
struct Descriptor: ~Copyable, Sendable {
    let raw: Int32
    private let copies: InheritedCopies?

    /// Takes over an open descriptor.
    init(owning raw: Int32) {
        self.raw = raw
        copies = nil
    }

    /// Opens a path of the host as it stands; `flags` get O_CLOEXEC. Not for paths of callers: those go
    /// through ``ConfinedPathResolver``.
    ///
    /// A device that is opened with O_EXCL is free again when the descriptor has ended.
    @available(*, noasync, message: "open(2) can sleep, so it belongs in a queue")
    init(opening path: String, _ flags: Int32) throws(StorageError) {
        let copies = flags & (O_EXCL | O_CREAT) == O_EXCL ? try InheritedCopies() : nil
        // The mode counts only where O_CREAT is among the flags.
        let raw = open(path, flags | O_CLOEXEC, 0o600)
        if raw < 0 {
            let code = errno
            copies?.drop()
            throw StorageError(errno: code, "open", path)
        }
        self.raw = raw
        self.copies = copies
    }

    deinit {
        close(raw)
        copies?.waitForEnd()
    }

    /// Opens a name in a directory, or the directory anew, as it stands; `flags` get O_CLOEXEC.
    init(
        opening name: String = ".", in directory: borrowing Descriptor, _ flags: Int32, _ subject: String
    ) throws(StorageError) {
        self.init(owning: try checkErrno(openat(directory.raw, name, flags | O_CLOEXEC), "openat", subject))
    }

    /// The whole content of a small file, such as an attribute of sysfs.
    static func contents(of path: String) throws(StorageError) -> String {
        String(decoding: try bytes(of: path), as: UTF8.self)
    }

    static func bytes(of path: String) throws(StorageError) -> [UInt8] {
        try Descriptor(opening: path, O_RDONLY).rest(path)
    }

    /// The content from where it was read last to its end.
    func rest(_ subject: String) throws(StorageError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = try checkErrno(read(raw, &buffer, buffer.count), "read", subject)
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }

    /// Writes to a file in one piece, as sysfs wants it.
    static func write(_ text: String, to path: String) throws(StorageError) {
        let file = try Descriptor(opening: path, O_WRONLY)
        var text = text
        _ = try checkErrno(text.withUTF8 { Glibc.write(file.raw, $0.baseAddress, $0.count) }, "write", path)
    }

    // MARK: - What it is

    func status(_ subject: String) throws(StorageError) -> FileStatus {
        var status = cls_status()
        try check(cls_status_of(raw, &status), "statx", subject)
        return FileStatus(status)
    }

    /// The status of a name in this directory. Links are not followed.
    func status(of name: String, _ subject: String) throws(StorageError) -> FileStatus {
        var status = cls_status()
        try check(cls_status_at(raw, name, &status), "statx", subject)
        return FileStatus(status)
    }

    /// Reads `count` bytes from `offset`, all of them.
    func bytes(at offset: Int64, count: Int, _ subject: String) throws(StorageError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = buffer.withUnsafeMutableBytes { room in
                pread(raw, room.baseAddress.map { $0 + done }, count - done, off_t(offset) + off_t(done))
            }
            try checkErrno(got, "pread", "\(subject) at offset \(offset + Int64(done))")
            guard got > 0 else {
                throw StorageError(
                    .inputOutput, "it ends at offset \(offset + Int64(done)), before it should", subject: subject)
            }
            done += got
        }
        return buffer
    }

    /// Reads a range in pieces, in order, until `body` returns false.
    ///
    /// - Parameter size: the most bytes of a piece.
    func forEachPiece(
        of range: Range<Int64>, size: Int64 = 1 << 20, _ subject: String,
        _ body: (_ offset: Int64, _ bytes: [UInt8]) throws(StorageError) -> Bool
    ) throws(StorageError) {
        for offset in stride(from: range.lowerBound, to: range.upperBound, by: Int(size)) {
            let count = min(size, range.upperBound - offset)
            guard try body(offset, bytes(at: offset, count: Int(count), subject)) else { return }
        }
    }

    /// Whether a directory holds no names.
    func isEmptyDirectory(_ subject: String) throws(StorageError) -> Bool {
        var isEmpty = true
        try forEachNameInBytes(subject) { _ in
            isEmpty = false
            return false
        }
        return isEmpty
    }

    /// Calls `body` with every name in the directory that is text until it returns false. A name that is not
    /// UTF-8 is one that no caller can mean.
    func forEachName(
        _ subject: String, _ body: (String) throws(StorageError) -> Bool
    ) throws(StorageError) {
        try forEachNameInBytes(subject) { bytes throws(StorageError) in
            guard let name = String(validating: bytes, as: UTF8.self) else { return true }
            return try body(name)
        }
    }

    /// Calls `body` with every name in the directory until it returns false.
    func forEachNameInBytes(
        _ subject: String, _ body: ([UInt8]) throws(StorageError) -> Bool
    ) throws(StorageError) {
        // A descriptor of its own: closedir closes what fdopendir was given, and the position is its own.
        let own = try checkErrno(openat(raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open", subject)
        guard let stream = fdopendir(own) else {
            close(own)
            throw StorageError(errno: errno, "fdopendir", subject)
        }
        defer { closedir(stream) }
        while let name = try Self.nextName(of: stream, subject), try body(name) {}
    }

    /// The next name in an open directory but "." and ".."; nil at its end.
    static func nextName(of stream: OpaquePointer, _ subject: String) throws(StorageError) -> [UInt8]? {
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw StorageError(errno: errno, "readdir", subject) }
                return nil
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: UInt8.self, capacity: Int(NAME_MAX) + 1) { name in
                    Array(UnsafeBufferPointer(start: name, count: 256).prefix { $0 != 0 })
                }
            }
            if name != [UInt8(ascii: ".")], name != [UInt8(ascii: "."), UInt8(ascii: ".")] { return name }
        }
    }

    /// The ID of the mount that it was opened in. Unlike statx(2), this asks no server and no device.
    func mountID() throws(StorageError) -> Int {
        let id = cls_mount_id(raw)
        return id > 0 ? Int(id) : try mountIDByProcess()
    }

    /// The same for every filesystem, at ten times the cost (proc_pid_fdinfo(5)).
    func mountIDByProcess() throws(StorageError) -> Int {
        let path = "/proc/self/fdinfo/\(raw)"
        guard let id = ProcFS.value(of: "mnt_id", in: try Descriptor.contents(of: path)).flatMap({ Int($0) }) else {
            throw StorageError(.internalError, "the kernel does not say which mount it is in", subject: path)
        }
        return id
    }

    // MARK: - Block devices

    /// The size in bytes.
    func blockSize(_ subject: String) throws(StorageError) -> Int64 {
        var bytes: UInt64 = 0
        try check(cls_block_size_bytes(raw, &bytes), "BLKGETSIZE64", subject)
        return Int64(bytes)
    }

    func diskSequence(_ subject: String) throws(StorageError) -> UInt64 {
        var sequence: UInt64 = 0
        try check(cls_block_disk_sequence(raw, &sequence), "BLKGETDISKSEQ", subject)
        return sequence
    }
}
