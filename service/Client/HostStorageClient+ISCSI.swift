// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import HostStorageAPI
import SwiftProtobuf

extension HostStorageClient {
    public func addPortal(_ portal: ISCSIPortal) async throws(StorageError) {
        let _: V1alpha2_AddTargetPortalResponse = try await iscsi.call(
            "AddTargetPortal", V1alpha2_AddTargetPortalRequest.with { $0.targetPortal = .init(portal) })
    }

    public func portals() async throws(StorageError) -> [ISCSIPortal] {
        let response: V1alpha2_ListTargetPortalsResponse = try await iscsi.call(
            "ListTargetPortals", V1alpha2_ListTargetPortalsRequest())
        var portals: [ISCSIPortal] = []
        for portal in response.targetPortals {
            portals.append(try ISCSIPortal(address: portal.targetAddress, port: portal.targetPort))
        }
        return portals
    }

    public func removePortal(_ portal: ISCSIPortal) async throws(StorageError) {
        let _: V1alpha2_RemoveTargetPortalResponse = try await iscsi.call(
            "RemoveTargetPortal", V1alpha2_RemoveTargetPortalRequest.with { $0.targetPortal = .init(portal) })
    }

    public func discoverTargets(at portal: ISCSIPortal) async throws(StorageError) -> [ISCSIName] {
        let response: V1alpha2_DiscoverTargetPortalResponse = try await iscsi.call(
            "DiscoverTargetPortal", V1alpha2_DiscoverTargetPortalRequest.with { $0.targetPortal = .init(portal) })
        var names: [ISCSIName] = []
        for name in response.iqns { names.append(try ISCSIName(name)) }
        return names
    }

    public func connectTarget(
        _ target: ISCSITarget, as authentication: ISCSIAuthentication
    ) async throws(StorageError) {
        var request = V1alpha2_ConnectTargetRequest.with {
            $0.targetPortal = .init(target.portal)
            $0.iqn = "\(target.name)"
        }
        switch authentication {
        case .none: request.authType = .none
        case .oneWay(let chap): request.prove(chap, .oneWayChap)
        case .mutual(let chap, target: nil): request.prove(chap, .mutualChap)
        case .mutual(_, target: .some): throw iscsi.lacks("give a target a secret of its own to prove")
        }
        let _: V1alpha2_ConnectTargetResponse = try await iscsi.call("ConnectTarget", request)
    }

    public func disconnectTarget(_ target: ISCSITarget) async throws(StorageError) {
        let _: V1alpha2_DisconnectTargetResponse = try await iscsi.call(
            "DisconnectTarget",
            V1alpha2_DisconnectTargetRequest.with {
                $0.targetPortal = .init(target.portal)
                $0.iqn = "\(target.name)"
            })
    }

    public func disks(of target: ISCSITarget) async throws(StorageError) -> [DiskNumber] {
        let response: V1alpha2_GetTargetDisksResponse = try await iscsi.call(
            "GetTargetDisks",
            V1alpha2_GetTargetDisksRequest.with {
                $0.targetPortal = .init(target.portal)
                $0.iqn = "\(target.name)"
            })
        var disks: [DiskNumber] = []
        for disk in response.diskIds { disks.append(try DiskNumber(decimal: disk)) }
        return disks
    }

    public func setMutualCHAPSecret(_ secret: Secret) async throws(StorageError) {
        guard iscsi.version.isAtLeast("v1alpha2") else { throw iscsi.lacks("set the mutual CHAP secret") }
        let _: V1alpha2_SetMutualChapSecretResponse = try await iscsi.call(
            "SetMutualChapSecret", V1alpha2_SetMutualChapSecretRequest.with { $0.mutualChapSecret = secret.revealed })
    }
}

extension V1alpha2_TargetPortal {
    fileprivate init(_ portal: ISCSIPortal) {
        self.init()
        targetAddress = portal.address
        targetPort = UInt32(portal.port)
    }
}

extension V1alpha2_ConnectTargetRequest {
    fileprivate mutating func prove(_ chap: CHAP, _ type: V1alpha2_AuthenticationType) {
        authType = type
        chapUsername = chap.name
        chapSecret = chap.secret.revealed
    }
}
