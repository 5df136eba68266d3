// SPDX-License-Identifier: Apache-2.0

import HostStorage
import StorageAccess

/// Invariants of every text: it is a policy that names its callers, or has faults that name their place.
enum PolicyInvariants {
    static func check(_ policy: AccessPolicy) {
        precondition(!policy.explanation.isEmpty)
        // A caller that is in no rule gets nothing, with any file.
        let stranger = Caller(uid: 65534, gids: [65534])
        for method in methods {
            precondition(!policy.admits(stranger, to: method.group, method.version))
            guard case .refused = policy.decide(stranger, method, []) else { preconditionFailure("a stranger's") }
        }
        for rule in policy.rules {
            precondition(!rule.name.isEmpty && !(rule.uids.isEmpty && rule.gids.isEmpty))
            let caller = Caller(uid: rule.uids.first ?? 65534, gids: Set(rule.gids.prefix(1)))
            for method in methods {
                // Decisions agree with the rule's own coverage.
                let isAllowed = if case .allowed = policy.decide(caller, method, []) { true } else { false }
                precondition(isAllowed == !policy.rules(for: caller, calling: method).isEmpty)
            }
            if rule.roots != nil {
                precondition(!rule.permits(.path("/")) && !rule.permits(.path("relative")))
            }
            guard let service = try? ServiceName("sshd") else { preconditionFailure("sshd is no name of a service") }
            if rule.services.isEmpty { precondition(!rule.permits(.service(service))) }
        }
    }

    static func check(_ error: PolicyFaults) {
        precondition(!error.faults.isEmpty)
        for fault in error.faults {
            precondition(!fault.text.isEmpty && (fault.line ?? 1) >= 1)
        }
    }
}
