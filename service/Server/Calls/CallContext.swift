// SPDX-License-Identifier: Apache-2.0

/// One call, over any transport.
struct CallContext: Sendable {
    let peer: PeerCredentials
    /// With its package: "v1.Disk".
    let service: String
    let method: String
    /// How long its caller waits.
    let timeout: CallTimeout
    /// Returns when its caller has left, or the task is cancelled.
    let left: @Sendable () async -> Void
}
