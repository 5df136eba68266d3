// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Dispatch
import Glibc
import HostStorage
import Synchronization

/// The volumes that this process has frozen. Each has a guard, a process that thaws it when its time is over or this
/// process has ended: the kernel itself keeps a filesystem frozen until it is thawed.
final class FrozenVolumes: Sendable {
    private let guards = Mutex<[VolumeID: FreezeGuard]>([:])

    /// - Parameter top: a directory of the mounted filesystem.
    func freeze(
        _ volume: VolumeID, _ top: borrowing Descriptor, for limit: Duration, _ subject: String
    ) throws(StorageError) {
        // One that this process has frozen already thaws for a moment: for its new caller it is frozen anew.
        _ = thaw(volume)
        let new = try FreezeGuard(top, for: limit, subject) { [self] ended in
            guards.withLock { if $0[volume] === ended { $0[volume] = nil } }
        }
        guards.withLock { $0[volume] = new }
        // It may have ended before it was entered.
        if new.hasEnded { guards.withLock { if $0[volume] === new { $0[volume] = nil } } }
    }

    /// - Returns: whether it was frozen until now.
    func thaw(_ volume: VolumeID) -> Bool {
        guards.withLock { $0.removeValue(forKey: volume) }?.thaw() ?? false
    }

    /// Fails where this process has frozen the volume: work on it would wait in the kernel.
    func requireThawed(_ volume: VolumeID) throws(StorageError) {
        guard guards.withLock({ $0[volume] }) != nil else { return }
        throw StorageError(.busy, "it is frozen; thaw it first", subject: "\(volume)")
    }
}

/// The process that thaws a frozen filesystem.
private final class FreezeGuard: Sendable {
    /// This process's end of its pipe; nil once it is closed. When it is, the guard thaws.
    private let end: Mutex<Int32?>
    private let status = Mutex<Int32?>(nil)
    private let ended = DispatchSemaphore(value: 0)

    /// - Parameter atEnd: called when the process has ended, which then is not its owner's any more.
    init(
        _ top: borrowing Descriptor, for limit: Duration, _ subject: String,
        atEnd: @escaping @Sendable (FreezeGuard) -> Void
    ) throws(StorageError) {
        var ends: [Int32] = [-1, -1]
        try check(cls_pipe(&ends), "pipe2", subject)
        defer { close(ends[0]) }
        end = Mutex(ends[1])
        let process = cls_freeze(top.raw, &ends, Int32(limit / .milliseconds(1)))
        do throws(StorageError) {
            try check(process, "FIFREEZE", subject)
            // So that it does not stay among the processes when it has ended.
            try OwnThread.start("freeze guard") { [self] in
                let result = cls_wait_for_exit(process)
                status.withLock { $0 = result }
                release()
                ended.signal()
                atEnd(self)
            }
        } catch {
            release()
            throw Self.explained(error)
        }
    }

    var hasEnded: Bool { status.withLock { $0 } != nil }

    /// - Returns: whether it was frozen until now.
    func thaw() -> Bool {
        release()
        ended.wait()
        return status.withLock { $0 } == CLS_FREEZE_THAWED
    }

    private func release() {
        end.withLock { end in
            if let open = end { close(open) }
            end = nil
        }
    }

    private static func explained(_ error: StorageError) -> StorageError {
        var error = error
        if error.isSystemCall(errno: EOPNOTSUPP) {
            (error.code, error.detail) = (.unsupported, "its filesystem cannot be frozen")
        } else if error.isSystemCall(errno: EBUSY) {
            (error.code, error.detail) = (.busy, "another program has frozen it")
        }
        return error
    }
}
