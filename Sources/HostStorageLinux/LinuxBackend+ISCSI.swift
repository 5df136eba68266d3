// SPDX-License-Identifier: Apache-2.0

public import HostStorage

// The initiator is not built yet.
extension LinuxBackend {
    public func addPortal(_ portal: ISCSIPortal) async throws(StorageError) { throw Self.initiatorIsNotBuilt }
    public func portals() async throws(StorageError) -> [ISCSIPortal] { throw Self.initiatorIsNotBuilt }
    public func removePortal(_ portal: ISCSIPortal) async throws(StorageError) { throw Self.initiatorIsNotBuilt }
    public func discoverTargets(at portal: ISCSIPortal) async throws(StorageError) -> [ISCSIName] {
        throw Self.initiatorIsNotBuilt
    }
    public func connectTarget(
        _ target: ISCSITarget, as authentication: ISCSIAuthentication
    ) async throws(StorageError) { throw Self.initiatorIsNotBuilt }
    public func disconnectTarget(_ target: ISCSITarget) async throws(StorageError) { throw Self.initiatorIsNotBuilt }
    public func disks(of target: ISCSITarget) async throws(StorageError) -> [DiskNumber] {
        throw Self.initiatorIsNotBuilt
    }
    public func setMutualCHAPSecret(_ secret: Secret) async throws(StorageError) { throw Self.initiatorIsNotBuilt }

    private static let initiatorIsNotBuilt = StorageError(
        .unsupported, "this version of the library is no iSCSI initiator on Linux yet")
}
