// SPDX-License-Identifier: Apache-2.0

public import CoreMetrics
public import HostStorage
public import Logging
public import StorageAccess
import StorageVersions
import Synchronization

/// Decides about every call by the current policy, and logs refusals.
public final class AccessControl: Sendable {
    private let inForce: Mutex<(policy: AccessPolicy, generation: UInt64)>
    /// How callers spell the host's paths.
    let paths: PathPolicy
    private let audit: Logger
    private let refused: Counter

    /// - Parameters:
    ///   - paths: those of the host.
    ///   - audit: gets one line for each refused call: pid, uid, gid, method, subject and reason.
    ///   - metrics: counts them; discarded unless the program has set one up (`MetricsSystem.bootstrap`).
    public init(
        policy: AccessPolicy, paths: PathPolicy, audit: Logger, metrics: any MetricsFactory = MetricsSystem.factory
    ) {
        inForce = Mutex((policy, 0))
        self.paths = paths
        self.audit = audit
        refused = Counter(label: Self.refusedName, factory: metrics)
    }

    private static let refusedName = "csi_proxy_refused_calls_total"

    /// Descriptions of the metrics, by their names.
    package static let descriptions = [
        refusedName: "Calls that the policy or the host itself has denied: a line each in the audit log."
    ]

    package var policyInForce: AccessPolicy { inForce.withLock { $0.policy } }

    /// Which of the policies that there have been is in force.
    var generation: UInt64 { inForce.withLock { $0.generation } }

    /// From the next call on, on connections that are open too.
    public func replace(with policy: AccessPolicy) { inForce.withLock { $0 = (policy, $0.generation + 1) } }

    /// Whether a client that connects may use anything behind a socket.
    func admits(_ peer: PeerCredentials, to group: APIGroup, _ version: APIVersion) -> Bool {
        policyInForce.admits(peer.caller, to: group, version)
    }

    func authorization(of peer: PeerCredentials, for method: MethodName) -> Authorization {
        Authorization(uid: peer.uid, method: method, rules: policyInForce.rules(for: peer.caller, calling: method))
    }

    /// One line about a refused call. Of the request only the subject is ever logged, quoted and cut, so it holds
    /// neither a secret nor a line break.
    func log(_ refusal: StorageError, of method: MethodName, by peer: PeerCredentials) {
        refused.increment()
        audit.warning(
            "refused",
            metadata: [
                "pid": "\(peer.pid)", "uid": "\(peer.uid)", "gid": "\(peer.gid)",
                "method": "\(method)", "subject": "\(refusal.subject.quoted)",
                "reason": "\(refusal.detail.quoted)",
            ])
    }
}
