// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import Synchronization

/// The faults set up, call by call.
final class Faults: Sendable {
    enum Fault {
        /// A nil count is for ever.
        case failure(StorageError, remaining: Int?)
        case hang(Hang)
        case delay(Duration)
    }

    private let faults = Mutex<[OperationName: [Fault]]>([:])

    func add(_ fault: Fault, to call: OperationName) {
        faults.withLock { $0[call, default: []].append(fault) }
    }

    func clear(_ call: OperationName?) {
        faults.withLock { faults in
            if let call { faults[call] = nil } else { faults = [:] }
        }
    }

    /// Applies the faults set up for `call`, hangs and delays first.
    func apply(_ call: OperationName) async throws(StorageError) {
        for fault in faults.withLock({ $0[call] ?? [] }) {
            switch fault {
            case .hang(let hang): await hang.wait()
            case .delay(let duration):
                // In a task of its own, which a caller that is cancelled does not cut short.
                await Task { _ = try? await Task.sleep(for: duration) }.value
            case .failure: break
            }
        }
        if let error = takeFailure(of: call) { throw error }
    }

    private func takeFailure(of call: OperationName) -> StorageError? {
        faults.withLock { faults in
            for (index, fault) in (faults[call] ?? []).enumerated() {
                guard case .failure(let error, let remaining) = fault else { continue }
                if let remaining {
                    if remaining > 1 {
                        faults[call]?[index] = .failure(error, remaining: remaining - 1)
                    } else {
                        faults[call]?.remove(at: index)
                    }
                }
                return error
            }
            return nil
        }
    }
}

extension MemoryBackend {
    /// Makes a call fail, every time or so many times. It fails before it changes anything.
    public func fail(_ call: OperationName, with error: StorageError, times: Int? = nil) {
        if times == 0 { return }
        faults.add(.failure(error, remaining: times), to: call)
    }

    /// Makes a call hang until the returned hang is released. It does its work then.
    public func hang(_ call: OperationName) -> Hang {
        let hang = Hang()
        faults.add(.hang(hang), to: call)
        return hang
    }

    /// Makes a call take longer.
    public func delay(_ call: OperationName, by duration: Duration) {
        faults.add(.delay(duration), to: call)
    }

    /// Removes the faults of one call or of all. Calls that hang keep hanging until released.
    public func clearFaults(_ call: OperationName? = nil) { faults.clear(call) }
}
