// SPDX-License-Identifier: Apache-2.0

import Logging
import ProxyServer
import ServiceLifecycle
import StorageAccess

/// Reads the policy again at each SIGHUP. A file with a fault changes nothing: the policy in force stays.
struct PolicyReload: Service {
    let source: PolicySource
    let access: AccessControl
    let signals: AsyncStream<Void>
    let logger: Logger
    /// Warnings about a policy in force, for the log.
    let warn: @Sendable (AccessPolicy) -> Void

    func run() async {
        for await _ in signals.cancelOnGracefulShutdown() {
            guard let file = source.file else {
                logger.notice("SIGHUP, and no policy file to read")
                continue
            }
            do throws(PolicyFaults) {
                let policy = try source.load()
                access.replace(with: policy)
                warn(policy)
                logger.notice(
                    "the policy is in force", metadata: ["file": "\(file)", "rules": "\(policy.rules.count)"])
            } catch {
                logger.error("the policy has faults, the one in force stays: \(error)", metadata: ["file": "\(file)"])
            }
        }
    }
}
