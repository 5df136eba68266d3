// SPDX-License-Identifier: Apache-2.0

/// A version of an API group: `v1`, `v2alpha1`, `v1beta3`. Ordered by the major number, then alpha before
/// beta before stable, then the number of the qualifier.
public struct APIVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    private enum Stage: String, Comparable {
        case alpha, beta, stable

        static func < (a: Stage, b: Stage) -> Bool { a.rank < b.rank }
        private var rank: Int { self == .alpha ? 0 : self == .beta ? 1 : 2 }
    }

    private let major: Int
    private let stage: Stage
    private let qualifier: Int

    /// Nil for what is not a version; numbers are positive and have no leading zero.
    public init?(_ text: String) {
        guard text.first == "v" else { return nil }
        let rest = text.dropFirst()
        for stage in [Stage.alpha, .beta] {
            guard let range = rest.firstRange(of: stage.rawValue) else { continue }
            guard let major = Self.number(rest[..<range.lowerBound]),
                let qualifier = Self.number(rest[range.upperBound...])
            else { return nil }
            (self.major, self.stage, self.qualifier) = (major, stage, qualifier)
            return
        }
        guard let major = Self.number(rest) else { return nil }
        (self.major, self.stage, self.qualifier) = (major, .stable, 0)
    }

    /// Whether it never changes any more. v2 may change until it is released.
    public var isReleased: Bool { description != "v2" }

    public static func < (a: APIVersion, b: APIVersion) -> Bool {
        (a.major, a.stage, a.qualifier) < (b.major, b.stage, b.qualifier)
    }

    public var description: String {
        stage == .stable ? "v\(major)" : "v\(major)\(stage.rawValue)\(qualifier)"
    }

    private static func number(_ text: Substring) -> Int? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text), number > 0,
            text.first != "0"
        else { return nil }
        return number
    }
}
