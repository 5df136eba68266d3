// SPDX-License-Identifier: Apache-2.0

extension Host {
    public func addPortal(_ portal: ISCSIPortal) async throws(StorageError) {
        try await change("add portal", "\(portal)", keys: [.portal(portal)]) { backend throws(StorageError) in
            try await backend.addPortal(portal)
        }
    }

    public func portals() async throws(StorageError) -> [ISCSIPortal] {
        try await ask("list portals", "") { backend throws(StorageError) in try await backend.portals() }
    }

    public func removePortal(_ portal: ISCSIPortal) async throws(StorageError) {
        try await change("remove portal", "\(portal)", keys: [.portal(portal)]) { backend throws(StorageError) in
            try await backend.removePortal(portal)
        }
    }

    public func discoverTargets(at portal: ISCSIPortal) async throws(StorageError) -> [ISCSIName] {
        // Not shared: a caller may just have made the target that it looks for.
        try await change("discover targets", "at \(portal)", keys: [.portal(portal)], isShared: false) {
            backend throws(StorageError) in
            try await backend.discoverTargets(at: portal)
        }
    }

    public func connectTarget(
        _ target: ISCSITarget, as authentication: ISCSIAuthentication
    ) async throws(StorageError) {
        // What tells two secrets apart must not stand in the subject, so no call takes another's outcome.
        try await change("connect target", "\(target)", keys: [.target(target)], isShared: false) {
            backend throws(StorageError) in
            try await backend.connectTarget(target, as: authentication)
        }
    }

    public func disconnectTarget(_ target: ISCSITarget) async throws(StorageError) {
        try await change("disconnect target", "\(target)", keys: [.target(target)]) { backend throws(StorageError) in
            try await backend.disconnectTarget(target)
        }
    }

    public func disks(of target: ISCSITarget) async throws(StorageError) -> [DiskNumber] {
        try await ask("disks of target", "\(target)") { backend throws(StorageError) in
            try await backend.disks(of: target)
        }
    }

    public func setMutualCHAPSecret(_ secret: Secret) async throws(StorageError) {
        let name = "set mutual CHAP secret"
        do throws(StorageError) { try CHAP.check(secret) } catch { throw error.during(name) }
        try await change(name, "", keys: [.initiator], isShared: false) { backend throws(StorageError) in
            try await backend.setMutualCHAPSecret(secret)
        }
    }
}
