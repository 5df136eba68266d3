// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The caller and the current steps of a call, for the log: they show why a call hangs.
public final class CallTrace: Sendable {
    /// The trace of the call being answered.
    @TaskLocal public static var current: CallTrace?

    /// Such as "pid 1, uid 0, gid 0".
    public var caller: String { text() }
    /// Made on demand: most calls log nothing.
    private let text: @Sendable () -> String

    /// One thing that the call waits for.
    public struct Step: Sendable {
        fileprivate var id: Int
        public var text: String
        /// More about it, looked up when it is logged.
        public var detail: (@Sendable () -> String?)?
        public var began: ContinuousClock.Instant
    }

    private struct State {
        var last = 0
        var steps: [Step] = []
        var notes: [String: String] = [:]
    }

    private let state = Mutex(State())

    public init(caller: @autoclosure @escaping @Sendable () -> String) { text = caller }

    /// Records a fact about the call's subject, such as a disk's name beside its number.
    public func note(_ key: String, _ value: String) { state.withLock { $0.notes[key] = value } }

    public var notes: [String: String] { state.withLock { $0.notes } }

    /// The steps under way, the oldest first.
    public var steps: [Step] { state.withLock { $0.steps } }

    /// Begins a step; its number is for the two calls below.
    public func begin(_ text: String, detail: (@Sendable () -> String?)? = nil) -> Int {
        state.withLock { state in
            state.last += 1
            state.steps.append(Step(id: state.last, text: text, detail: detail, began: .now))
            return state.last
        }
    }

    /// Changes the text of a step.
    public func change(_ step: Int, to text: String, detail: (@Sendable () -> String?)? = nil) {
        state.withLock { state in
            guard let index = state.steps.firstIndex(where: { $0.id == step }) else { return }
            state.steps[index] = Step(id: step, text: text, detail: detail, began: .now)
        }
    }

    public func end(_ step: Int) { state.withLock { $0.steps.removeAll { $0.id == step } } }

    /// How many steps the log names: a search reads many disks at a time.
    private static let maximumLogged = 4

    /// The steps that the call waits for, in words.
    public var waitsFor: String {
        let now = ContinuousClock.now
        let steps = steps
        var texts = steps.prefix(Self.maximumLogged).map { step in
            let detail = step.detail?().map { ", \($0)" } ?? ""
            return "\(step.text) (for \(step.began.duration(to: now))\(detail))"
        }
        if steps.count > Self.maximumLogged { texts.append("\(steps.count - Self.maximumLogged) more") }
        return texts.isEmpty ? "nothing that is known" : texts.joined(separator: "; ")
    }
}
