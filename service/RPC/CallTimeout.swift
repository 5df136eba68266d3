// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The values of `grpc-timeout`: at most eight ASCII digits and a unit.
///
/// Source: gRPC over HTTP/2, "Requests".
enum CallTimeout {
    /// As good as none. No clock is tested with greater ones.
    static let greatest = TimeAmount.hours(365 * 24)

    /// The time of a header's value; nil where it cannot be read.
    static func read(_ text: [UInt8]) -> TimeAmount? {
        guard (2...9).contains(text.count), let unit = text.last else { return nil }
        var count: Int64 = 0
        for digit in text.dropLast() {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            count = count * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        switch unit {
        // Eight digits of hours or minutes are beyond what NIO counts in 64 bits of nanoseconds.
        case UInt8(ascii: "H"): return min(.hours(min(count, 1_000_000)), greatest)
        case UInt8(ascii: "M"): return min(.minutes(count), greatest)
        case UInt8(ascii: "S"): return min(.seconds(count), greatest)
        case UInt8(ascii: "m"): return .milliseconds(count)
        case UInt8(ascii: "u"): return .microseconds(count)
        case UInt8(ascii: "n"): return .nanoseconds(count)
        default: return nil
        }
    }

    /// The shortest unit whose digits hold the time, rounded up: a server must not give up before its client does.
    static func write(_ time: TimeAmount) -> String {
        let time = max(min(time, greatest).nanoseconds, 1)
        for (unit, size) in [("n", 1), ("u", 1_000), ("m", 1_000_000)] as [(String, Int64)] {
            let count = (time + size - 1) / size
            if count <= 99_999_999 { return "\(count)\(unit)" }
        }
        return "\((time + 999_999_999) / 1_000_000_000)S"
    }
}
