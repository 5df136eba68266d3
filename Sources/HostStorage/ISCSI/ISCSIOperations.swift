// SPDX-License-Identifier: Apache-2.0

/// What can be done with a host as an iSCSI initiator.
public protocol ISCSIOperations: Sendable {
    /// Makes a portal known to the host, without asking it anything. Idempotent.
    func addPortal(_ portal: ISCSIPortal) async throws(StorageError)

    /// The portals that were added.
    func portals() async throws(StorageError) -> [ISCSIPortal]

    /// Forgets a portal and the targets that were discovered there; sessions stay. A portal that was not added is
    /// ``StorageError/Code/notFound``.
    func removePortal(_ portal: ISCSIPortal) async throws(StorageError)

    /// Asks a portal for its targets and makes them known. A portal that was not added is
    /// ``StorageError/Code/notFound``, one that does not answer ``StorageError/Code/unavailable``.
    func discoverTargets(at portal: ISCSIPortal) async throws(StorageError) -> [ISCSIName]

    /// Logs in to a target and waits for its disks. A host that is logged in already is success, whatever the
    /// credentials. The session is not taken up again when the host restarts.
    ///
    /// A portal that was not added or a target that was not discovered there is ``StorageError/Code/notFound``; where
    /// either side's secret is not accepted, ``StorageError/Code/denied``.
    func connectTarget(_ target: ISCSITarget, as authentication: ISCSIAuthentication) async throws(StorageError)

    /// Logs out of a target, and its disks go. A host that is not logged in is success; a disk in use is
    /// ``StorageError/Code/busy``.
    func disconnectTarget(_ target: ISCSITarget) async throws(StorageError)

    /// The disks that a target has brought: none where the host is not logged in.
    func disks(of target: ISCSITarget) async throws(StorageError) -> [DiskNumber]

    /// Sets the secret that targets have to prove to this host at ``ISCSIAuthentication/mutual(_:target:)`` logins, from
    /// now on.
    func setMutualCHAPSecret(_ secret: Secret) async throws(StorageError)
}
