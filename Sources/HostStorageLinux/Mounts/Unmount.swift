// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Dispatch
import Glibc
import HostStorage
import Synchronization

/// Takes mounts away. Never lazily: a success means that the filesystem is no longer mounted there.
///
/// The filesystem and the device below it may be dead. So no query of either precedes umount(2): the mount is known by
/// the kernel's table, and data that a dead one cannot write any more are lost whether or not it stays mounted.
enum Unmount {
    /// Writes the data of the topmost mount on `name` in `directory` out and unmounts it.
    ///
    /// The mount is named by its parent's descriptor, not by its own, which would keep it busy.
    ///
    /// - Parameters:
    ///   - mount: that mount.
    ///   - place: its absolute path on the host, to find holders by.
    ///   - subject: its path as callers see it.
    ///   - force: whether a server, or a program, that does not answer is given up after ``timeout``. A disk never is.
    /// - Returns: why data that were not yet written are lost; nil where all are on the disk.
    static func unmount(
        _ mount: Mount, on name: String, in directory: borrowing Descriptor, at place: String, subject: String,
        force: Bool = false
    ) throws(StorageError) -> String? {
        var flags = Int32(UMOUNT_NOFOLLOW)
        let loss: String?
        if mount.isServed, force || mount.type == "fuseblk" {
            let timeout = force ? timeout : programTimeout
            switch try flushBriefly(name, in: directory, subject, timeout: timeout) {
            case .written: loss = nil
            case .failed: loss = "its server does not answer"
            case .silent:
                let reason = "its server has not answered within \(timeout) s"
                guard force else {
                    throw StorageError(.unavailable, "\(reason); Rmdir with force gives it up", subject: subject)
                }
                loss = reason
            }
            if loss != nil, force { flags |= Int32(MNT_FORCE) }
        } else {
            loss = try flush(mount, on: name, in: directory, subject)
        }
        let path = "/proc/self/fd/\(directory.raw)/\(name)"
        do throws(StorageError) {
            _ = try BriefHold.outlast { () throws(StorageError) in
                // The call takes the mount that is on top, which can be another by now.
                if let now = directory.cachedMountID(of: name), now != mount.id {
                    throw StorageError(
                        .aborted, "another process has changed what is mounted there", subject: subject)
                }
                try checkErrno(umount2(path, flags), "umount2", subject)
            }
        } catch  where error.code == .busy {
            var error = error
            error.detail = "it is in use"
            error.holders = Holders.ofMount(at: place, mountID: UInt64(mount.id))
            throw error
        }
        return loss
    }

    /// Writes the data of the mount out. Fails where a disk that otherwise works does not take them: the caller is to
    /// know, and may try again. Where nothing more can be done, returns why.
    private static func flush(
        _ mount: Mount, on name: String, in directory: borrowing Descriptor, _ place: String
    ) throws(StorageError) -> String? {
        if let death = try MountHealth.death(of: mount, on: name, in: directory) { return death }
        let raw = openat(directory.raw, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC)
        // It has gone meanwhile, which umount(2) will report.
        guard raw >= 0 else { return nil }
        let top = Descriptor(owning: raw)
        // Of a device node that is mounted on a file, the data are those of the device.
        let isNode = try top.status(place).isBlockDevice
        let result = isNode ? (fsync(top.raw) < 0 ? -errno : 0) : cls_syncfs(top.raw)
        if result >= 0 { return nil }
        if mount.isReadOnly { return "its filesystem is read-only" }
        if let device = try mount.deviceName, !canBeRead(device) { return "its device does not answer" }
        try check(result, "syncfs", place)
        return nil
    }

    /// Whether one of a few pages can be read, from the device itself. A page that waits to be written cannot be
    /// tested: the read would wait for the write and fail with it.
    private static func canBeRead(_ device: String) -> Bool {
        guard
            let descriptor = try? Descriptor(
                opening: BlockDeviceName.path(of: device), O_RDONLY | cls_O_DIRECT | O_NONBLOCK),
            let size = try? descriptor.blockSize(device), size >= 4096
        else { return false }
        let page = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 4096)
        defer { page.deallocate() }
        let pages = size / 4096
        return [0, pages / 3, pages / 2, pages - 1].contains {
            pread(descriptor.raw, page, 4096, off_t($0 * 4096)) == 4096
        }
    }

    /// How long, in seconds, a forced unmount waits for a server.
    static let timeout = 10

    /// The same for a program that serves a disk (ntfs-3g), where it is not to be given up: it writes as fast as the
    /// disk does. A call that waited without end would keep a forced unmount from the path.
    static let programTimeout = 30

    private enum Flush { case written, failed, silent }

    /// The same for a server or a program, which may never answer.
    private static func flushBriefly(
        _ name: String, in directory: borrowing Descriptor, _ place: String, timeout: Int
    ) throws(StorageError) -> Flush {
        // Its own, for this may outlast the caller.
        let own = try checkErrno(fcntl(directory.raw, F_DUPFD_CLOEXEC, 0), "fcntl", place)
        let ended = DispatchSemaphore(value: 0)
        let isWritten = WrittenMark()
        try OwnThread.start("flush") {
            let top = openat(own, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC)
            if top >= 0 {
                if cls_syncfs(top) >= 0 { isWritten.set() }
                close(top)
            }
            close(own)
            ended.signal()
        }
        guard ended.wait(timeout: .now() + .seconds(timeout)) == .success else { return .silent }
        return isWritten.isSet ? .written : .failed
    }
}

private final class WrittenMark: Sendable {
    private let mark = Mutex(false)
    var isSet: Bool { mark.withLock { $0 } }
    func set() { mark.withLock { $0 = true } }
}
