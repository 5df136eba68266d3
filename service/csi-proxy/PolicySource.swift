// SPDX-License-Identifier: Apache-2.0

import ProxyServer
import StorageAccess

/// Where the policy comes from: a file, or nowhere.
struct PolicySource {
    var file: String?
    var socketGroup: UInt32
    /// The host's directories for the drives in its roots.
    var drives: [Character: String]

    func load() throws(PolicyFaults) -> AccessPolicy {
        guard let file else { return .standard(socketGroup: socketGroup) }
        return try AccessPolicy(file: file, methods: .served, names: .system, drives: drives)
    }
}
