// SPDX-License-Identifier: Apache-2.0

import HostStorage
import NIOHPACK

/// How long the caller of one call waits, as its `grpc-timeout` header says: at most eight ASCII digits and a unit.
///
/// gRPC Swift 2.4 never gets the header: it overlooks values of eight digits and ends the process over negative ones.
///
/// Source: gRPC over HTTP/2, "Requests".
enum CallTimeout: Sendable, Hashable {
    case none
    case after(Duration)
    /// The call is refused: its caller has set a limit, and waiting without one would be wrong.
    case unreadable

    static let headerName = "grpc-timeout"

    /// As good as none. Clocks are not tested with greater ones.
    private static let greatest: Duration = .seconds(365 * 24 * 3600)

    init(_ headers: HPACKHeaders) {
        // Each header as it stands: one is not split at commas.
        let values = headers.filter { $0.name == Self.headerName }.map(\.value)
        switch values.count {
        case 0: self = .none
        case 1: self = Self.duration(values[0]).map { .after(min($0, Self.greatest)) } ?? .unreadable
        default: self = .unreadable
        }
    }

    private static func duration(_ text: String) -> Duration? {
        let bytes = text.utf8
        guard (2...9).contains(bytes.count), let unit = bytes.last else { return nil }
        var count: Int64 = 0
        for byte in bytes.dropLast() {
            guard byte.isDigit else { return nil }
            count = count * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        switch unit {
        case UInt8(ascii: "H"): return .seconds(count * 3600)
        case UInt8(ascii: "M"): return .seconds(count * 60)
        case UInt8(ascii: "S"): return .seconds(count)
        case UInt8(ascii: "m"): return .milliseconds(count)
        case UInt8(ascii: "u"): return .microseconds(count)
        case UInt8(ascii: "n"): return .nanoseconds(count)
        default: return nil
        }
    }
}
