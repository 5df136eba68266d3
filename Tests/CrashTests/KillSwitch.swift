// SPDX-License-Identifier: Apache-2.0

import Foundation
import LoopDisks

/// The point at which a program is to be killed.
enum KillPoint: Sendable, CustomStringConvertible {
    /// At its call number so and so that changes something, counted from the moment of arming.
    case call(Int)
    case after(Duration)

    var description: String {
        switch self {
        case .call(let number): "call \(number)"
        case .after(let duration): "\(duration)"
        }
    }

    /// The same point of work that takes so much of its time.
    func at(_ pace: Double) -> KillPoint {
        switch self {
        case .call: self
        case .after(let duration): .after(duration * pace)
        }
    }

    /// So many points spread evenly over an operation that makes `calls` calls and takes `duration`: three
    /// quarters by call, or as many as there are calls, the rest by time.
    static func spread(_ count: Int, calls: Int, duration: Duration) -> [KillPoint] {
        let byCall = min(calls, count * 3 / 4)
        let byTime = count - byCall
        return (0..<byCall).map { .call(1 + $0 * calls / byCall) }
            + (0..<byTime).map { .after(duration * $0 / byTime) }
    }
}

/// The control of a program into which kill-switch.c is preloaded.
struct KillSwitch {
    /// The environment that such a program needs.
    let environment: [String]
    private let control: String

    init(_ name: String, in scratch: ScratchDirectory) throws {
        let library = "\(scratch.path)/kill-switch.so"
        if !FileManager.default.fileExists(atPath: library) {
            let source = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "kill-switch.c").path
            try Command.run("cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, source)
        }
        control = "\(scratch.path)/\(name).control"
        environment = ["LD_PRELOAD=\(library)", "KILL_SWITCH=\(control)"]
        _ = FileManager.default.createFile(atPath: control, contents: nil)
        try disarm()
    }

    /// Lets the program live, and counts its calls from now on.
    func disarm() throws { try write(endAt: 0, endAfter: 0) }

    func arm(_ point: KillPoint) throws {
        switch point {
        case .call(let number): try write(endAt: Int64(number), endAfter: 0)
        case .after(let duration):
            // 0 would be never.
            try write(endAt: 0, endAfter: max(1, Int64(duration / .microseconds(1))))
        }
    }

    /// The calls that were made since it was armed or disarmed.
    var calls: Int { get throws { Int(try numbers()[0]) } }

    /// The time that the program took that came to its end since.
    var duration: Duration { get throws { .microseconds(try numbers()[1]) } }

    private func numbers() throws -> [Int64] {
        let data = try Data(contentsOf: URL(filePath: control))
        return data.withUnsafeBytes { Array($0.bindMemory(to: Int64.self)) }
    }

    private func write(endAt: Int64, endAfter: Int64) throws {
        let bytes = [0, 0, endAt, endAfter].withUnsafeBytes { Data($0) }
        // In place: the program has the file mapped.
        let handle = try FileHandle(forWritingTo: URL(filePath: control))
        defer { try? handle.close() }
        try handle.write(contentsOf: bytes)
    }
}
