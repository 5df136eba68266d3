// SPDX-License-Identifier: Apache-2.0

import Foundation
import LoopDisks
import Synchronization

/// A thread that swaps two names as fast as it can until it is stopped.
final class Swapping: Sendable {
    private let isStopped = Atomic(false)
    private let count = Atomic(0)
    private let ended = DispatchSemaphore(value: 0)

    /// Both names must exist.
    init(_ a: String, _ b: String) throws {
        try Self.swap(a, b)
        Thread.detachNewThread { [self] in
            while !isStopped.load(ordering: .relaxed), (try? Self.swap(a, b)) != nil {
                count.add(1, ordering: .relaxed)
            }
            ended.signal()
        }
    }

    /// How often it has swapped so far.
    var swaps: Int { count.load(ordering: .relaxed) }

    /// Returns how often it has swapped.
    func stop() -> Int {
        isStopped.store(true, ordering: .relaxed)
        ended.wait()
        return count.load(ordering: .relaxed)
    }

    /// Once, in one step: renameat2(2) with RENAME_EXCHANGE, which Swift's map of the C library lacks.
    static func swap(_ a: String, _ b: String) throws {
        typealias Call = @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32
        let call = unsafeBitCast(dlsym(nil, "renameat2"), to: Call.self)
        guard call(AT_FDCWD, a, AT_FDCWD, b, 2) == 0 else {
            throw CommandFailed("renameat2 \(a) \(b): errno \(errno)")
        }
    }
}
