// SPDX-License-Identifier: Apache-2.0

import HostStorage
public import StorageVersions

/// Which callers may use which method of which version, on which subjects. Only what a rule allows is permitted, so a
/// caller, a version or a method that no rule names is refused.
public struct AccessPolicy: Sendable {
    public var rules: [AccessRule]

    public init(rules: [AccessRule]) { self.rules = rules }

    /// The policy where none is given: root and the members of the sockets' group may use every method on all that the
    /// host itself allows.
    public static func standard(socketGroup: UInt32) -> AccessPolicy {
        AccessPolicy(rules: [AccessRule(name: "default", uids: [0], gids: [socketGroup], services: [.all])])
    }

    /// Whether the caller may use anything in this version of the group.
    public func admits(_ caller: Caller, to group: APIGroup, _ version: APIVersion) -> Bool {
        rules.contains { $0.isFor(caller) && $0.covers(group, version) }
    }

    /// The rules that allow the caller the method; ``Decision`` compares the subjects.
    public func rules(for caller: Caller, calling method: MethodName) -> [AccessRule] {
        rules.filter { $0.isFor(caller) && $0.covers(method) }
    }

    /// Decides about one call, with the reason.
    ///
    /// - Parameter subjects: all subjects of the call; one rule must permit them all.
    public func decide(_ caller: Caller, _ method: MethodName, _ subjects: [RuleSubject]) -> Decision {
        guard rules.contains(where: { $0.isFor(caller) }) else {
            return .refused("no rule is for \(caller)")
        }
        return Decision(rules(for: caller, calling: method), subjects)
    }
}

/// Whether a call is allowed, and why.
public enum Decision: Sendable, Hashable {
    case allowed(rule: String)
    case refused(String)

    /// - Parameter rules: those that allow the caller the method.
    public init(_ rules: [AccessRule], _ subjects: [RuleSubject]) {
        if let rule = rules.first(where: { rule in subjects.allSatisfy(rule.permits) }) {
            self = .allowed(rule: rule.name)
        } else if rules.isEmpty {
            self = .refused("no rule for the caller has the method")
        } else {
            self = .refused(Self.outside(rules))
        }
    }

    /// The reason for refusing a call that none of its rules allows: the same for all calls.
    public static func outside(_ rules: [AccessRule]) -> String {
        let names = rules.map { "\"\($0.name)\"" }.joined(separator: ", ")
        return "outside of what \(rules.count == 1 ? "rule" : "rules") \(names) allow\(rules.count == 1 ? "s" : "")"
    }
}
