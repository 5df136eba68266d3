// SPDX-License-Identifier: Apache-2.0

import HostStorage
import StorageAccess

/// What holds for every text: it is a policy that says whom it is for, or has faults that say where.
enum PolicyInvariants {
    static func check(_ policy: AccessPolicy) {
        precondition(!policy.explanation.isEmpty)
        // Who is in no rule gets nothing, whatever the file says.
        let stranger = Caller(uid: 65534, gids: [65534])
        for method in methods {
            precondition(!policy.admits(stranger, to: method.group, method.version))
            guard case .refused = policy.decide(stranger, method, []) else { preconditionFailure("a stranger's") }
        }
        for rule in policy.rules {
            precondition(!rule.name.isEmpty && !(rule.uids.isEmpty && rule.gids.isEmpty))
            let caller = Caller(uid: rule.uids.first ?? 65534, gids: Set(rule.gids.prefix(1)))
            for method in methods {
                // What the rule says it covers is what is decided.
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
