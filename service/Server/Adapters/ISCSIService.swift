// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageAPI
import StorageVersions
import SwiftProtobuf

/// The versions of the iscsi group: the second added a method to the first.
enum ISCSIService {
    static func methods(_ version: APIVersion) -> [any MethodRow] {
        switch "\(version)" {
        case "v1alpha1": first
        default: first + [setMutualSecret]
        }
    }

    private static let first: [any MethodRow] = [
        Method("AddTargetPortal") { (request: V1alpha2_AddTargetPortalRequest, host) throws(StorageError) in
            try await host.addPortal(portal(request.hasTargetPortal, request.targetPortal))
            return V1alpha2_AddTargetPortalResponse()
        },
        Method("DiscoverTargetPortal") { (request: V1alpha2_DiscoverTargetPortalRequest, host) throws(StorageError) in
            let names = try await host.discoverTargets(at: portal(request.hasTargetPortal, request.targetPortal))
            return V1alpha2_DiscoverTargetPortalResponse.with { $0.iqns = names.map(\.description) }
        },
        Method("RemoveTargetPortal") { (request: V1alpha2_RemoveTargetPortalRequest, host) throws(StorageError) in
            try await host.removePortal(portal(request.hasTargetPortal, request.targetPortal))
            return V1alpha2_RemoveTargetPortalResponse()
        },
        Method("ListTargetPortals") { (_: V1alpha2_ListTargetPortalsRequest, host) throws(StorageError) in
            let portals = try await host.portals()
            return V1alpha2_ListTargetPortalsResponse.with { response in
                response.targetPortals = portals.map { portal in
                    .with {
                        $0.targetAddress = portal.address
                        $0.targetPort = UInt32(portal.port)
                    }
                }
            }
        },
        Method("ConnectTarget") { (request: V1alpha2_ConnectTargetRequest, host) throws(StorageError) in
            let target = ISCSITarget(
                try ISCSIName(request.iqn), at: try portal(request.hasTargetPortal, request.targetPortal))
            let authentication: ISCSIAuthentication
            switch request.authType {
            case .none: authentication = .none
            case .oneWayChap: authentication = .oneWay(try chap(request))
            case .mutualChap: authentication = .mutual(try chap(request))
            case .UNRECOGNIZED(let number):
                throw StorageError(.invalidArgument, "invalid authentication type authType=\(number)")
            }
            try await host.connectTarget(target, as: authentication)
            return V1alpha2_ConnectTargetResponse()
        },
        Method("DisconnectTarget") { (request: V1alpha2_DisconnectTargetRequest, host) throws(StorageError) in
            try await host.disconnectTarget(
                ISCSITarget(
                    ISCSIName(request.iqn), at: portal(request.hasTargetPortal, request.targetPortal)))
            return V1alpha2_DisconnectTargetResponse()
        },
        Method("GetTargetDisks") { (request: V1alpha2_GetTargetDisksRequest, host) throws(StorageError) in
            let disks = try await host.disks(
                of: ISCSITarget(
                    ISCSIName(request.iqn), at: portal(request.hasTargetPortal, request.targetPortal)))
            return V1alpha2_GetTargetDisksResponse.with { $0.diskIds = disks.map(\.description) }
        },
    ]

    private static let setMutualSecret = Method("SetMutualChapSecret") {
        (request: V1alpha2_SetMutualChapSecretRequest, host) throws(StorageError) in
        try await host.setMutualCHAPSecret(Secret(request.mutualChapSecret))
        return V1alpha2_SetMutualChapSecretResponse()
    }

    private static func portal(
        _ isThere: Bool, _ portal: V1alpha2_TargetPortal
    ) throws(StorageError) -> ISCSIPortal {
        guard isThere else { throw StorageError(.invalidArgument, "the request names no target_portal") }
        return try ISCSIPortal(address: portal.targetAddress, port: portal.targetPort)
    }

    private static func chap(_ request: V1alpha2_ConnectTargetRequest) throws(StorageError) -> CHAP {
        try CHAP(name: request.chapUsername, secret: Secret(request.chapSecret))
    }
}
