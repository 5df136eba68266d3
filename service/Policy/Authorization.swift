// SPDX-License-Identifier: Apache-2.0

public import HostStorage

/// The rights of one call: its caller, and the rules that allow its method. Without a rule it may do nothing.
public struct Authorization: Sendable {
    public let uid: UInt32
    public let method: MethodName
    public let rules: [AccessRule]
    /// How the host is confined for a call with paths, one after the other until one allows it; nil where it is not.
    let confinements: [CallConfinement?]
    /// Whether any of the rules depends on the disk; otherwise nothing is looked up.
    let hasDevices: Bool

    public init(uid: UInt32, method: MethodName, rules: [AccessRule]) {
        self.uid = uid
        self.method = method
        self.rules = rules
        confinements = Self.confinements(of: rules)
        hasDevices = rules.contains { $0.devices != nil }
    }

    static func confinements(of rules: [AccessRule]) -> [CallConfinement?] {
        let confinements = rules.map(\.confinement)
        return confinements.contains { $0 == nil } ? [nil] : confinements
    }

    /// Of a call with these subjects, by its method alone or by all that its rules say.
    public func refusal(of subject: String = "") -> StorageError {
        let reason = rules.isEmpty ? "no rule for the caller has the method" : Decision.outside(rules)
        return StorageError(
            .denied, "the policy does not allow it to uid \(uid): \(reason)", operation: "\(method)", subject: subject)
    }
}
