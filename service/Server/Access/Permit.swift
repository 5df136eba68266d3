// SPDX-License-Identifier: Apache-2.0

import HostStorage
import StorageAccess

/// What one call may do: who makes it, and the rules that allow its method. None: it may do nothing.
struct Permit: Sendable {
    let peer: PeerCredentials
    let method: MethodName
    let rules: [AccessRule]

    /// Whether any of the rules asks which disk it is; otherwise there is nothing to look up.
    var hasDevices: Bool { rules.contains { $0.devices != nil } }

    /// Of the method as a whole.
    var refusal: StorageError { refusal(of: "", "no rule for the caller has the method") }

    func refusal(of subject: String, _ reason: String) -> StorageError {
        StorageError(
            .denied, "the policy does not allow it to uid \(peer.uid): \(reason)", operation: "\(method)",
            subject: subject)
    }
}
