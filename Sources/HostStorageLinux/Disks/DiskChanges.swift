// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import Synchronization

/// Signals that the disks may have changed, by the kernel's events. One thread listens, while there are watches.
final class DiskChanges: Sendable {
    private struct State {
        var watches = 0
        var isListening = false
    }

    private let state = Mutex(State())
    private let signal = ChangeSignal()

    /// Keeps the thread listening.
    final class Watch: Sendable {
        private let changes: DiskChanges

        fileprivate init(_ changes: DiskChanges) { self.changes = changes }

        deinit { changes.state.withLock { $0.watches -= 1 } }

        var signal: ChangeSignal { changes.signal }
    }

    /// Begins to listen: changes from now on wake the signal. It blocks, so it is called in a queue, one call at a time.
    func watch() throws(StorageError) -> Watch {
        let mustListen = state.withLock { state in
            state.watches += 1
            defer { state.isListening = true }
            return !state.isListening
        }
        let watch = Watch(self)
        if mustListen {
            do throws(StorageError) {
                try listen()
            } catch {
                state.withLock { $0.isListening = false }
                throw error
            }
        }
        return watch
    }

    private func listen() throws(StorageError) {
        let opened = Mutex<BlockEvents?>(nil)
        try opened.withLock { events throws(StorageError) in events = try BlockEvents() }
        // Not in the thread, which may begin only after the reader's first look: a change between them would be missed.
        let first = KernelEvents.count()
        try OwnThread.start("disk events") { [self] in
            guard let events = opened.withLock({ $0.take() }) else { return }
            var last = first
            while isWatched() {
                if events.next(within: .milliseconds(500)) {
                    events.settle(quiet: .milliseconds(5), limit: .milliseconds(50))
                }
                // The count shows events that do not arrive: the kernel drops some where many come at once, and sends
                // none to a container with a network of its own.
                let now = KernelEvents.count()
                if now == nil || now != last { signal.wake() }
                last = now
            }
        }
    }

    /// Whether there are watches. Where there are none, the thread ends.
    private func isWatched() -> Bool {
        state.withLock { state in
            if state.watches == 0 { state.isListening = false }
            return state.isListening
        }
    }
}

extension LinuxBackend {
    public func watchDisks() async throws(StorageError) -> HostEvents<DiskEvent> {
        let watch = try await queues.run(in: .bus("events")) { [diskChanges] () throws(StorageError) in
            try diskChanges.watch()
        }
        return HostEvents(
            comparing: { [queues, inventory] () async throws(StorageError) in
                // The events keep the watch, so the thread listens as long as they exist.
                defer { withExtendedLifetime(watch) {} }
                return try await queues.run(in: .inventory) { () throws(StorageError) in
                    Dictionary(try inventory.disks().map { ($0.number, $0.features.size) }) { first, _ in first }
                }
            }, at: watch.signal)
    }
}
