// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage
import HostStorageLinux
import Logging
import ProxyServer
import StorageAccess

/// Checks at the start of the program, so that later failures are reported now.
struct StartWarnings: Sendable {
    let settings: HostSettings
    let logger: Logger

    /// For disks, mounts, tools and the program itself, beside connections.
    private static let filesInUse = 512
    private static let connectionsAtLeast = 8
    private static let connectionsAtMost = 256

    /// Throws where the system gives too little to start. Returns how many connections each socket may have.
    func limits() throws(StorageError) -> Int {
        let files = try ProcessLimits.raiseOpenFiles()
        let sockets = ProxyServer.socketCount
        let needed = Self.filesInUse + sockets * (1 + Self.connectionsAtLeast)
        guard files >= needed else {
            throw StorageError(
                .exhausted,
                "only \(files) files may be open, and \(needed) are needed; raise the limit (ulimit -n, LimitNOFILE=)")
        }
        let connections = min(Self.connectionsAtMost, (files - Self.filesInUse - sockets) / sockets)
        if connections < Self.connectionsAtMost {
            logger.warning(
                "only \(files) files may be open: each socket serves \(connections) connections instead of \(Self.connectionsAtMost)"
            )
        }
        return connections
    }

    /// Roots that are missing, or whose mounts the machine does not see.
    func warnOfRoots() {
        let visibility = MountVisibility()
        for root in settings.paths.roots {
            guard let path = try? settings.paths.place(hostPath: root) else { continue }
            if access("\(path)", F_OK) < 0 {
                logger.warning(
                    "a root is not there: \(String(cString: strerror(errno)))", metadata: ["root": "\(root)"])
            }
            if let reason = visibility.reasonAgainst("\(path)") {
                logger.warning(
                    "what is mounted beneath a root will not be seen by the machine: \(reason)",
                    metadata: ["root": "\(root)"])
            }
        }
    }

    /// A device may not answer, so nothing waits for it.
    func warnOfDisks() {
        do throws(StorageError) {
            try OwnThread.start("trial") { [logger] in
                for lack in DiskAccess.lacks() { logger.warning("\(lack)") }
            }
        } catch {
            logger.warning("the disks were not looked at: \(error)")
        }
    }

    /// Roots of rules that the host itself refuses: such a rule allows nothing there.
    func warn(of policy: AccessPolicy) {
        for rule in policy.rules {
            for root in rule.roots?.roots ?? [] where (try? settings.paths.place(hostPath: root)) == nil {
                logger.warning(
                    "a rule's root lies outside of the host's roots, so it allows nothing there",
                    metadata: ["rule": "\(rule.name)", "root": "\(root)"])
            }
        }
    }
}
