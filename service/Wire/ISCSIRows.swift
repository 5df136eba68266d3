// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageAPI
import StorageVersions
import SwiftProtobuf

/// The versions of the iscsi group: the second added a method to the first.
enum ISCSIRows {
    static func of(_ version: APIVersion) -> [WireRow] {
        switch "\(version)" {
        case "v1alpha1": first
        case "v1alpha2": first + [setMutualSecret]
        default: []
        }
    }

    private static let first = [
        WireRow(
            "AddTargetPortal",
            operation: { (request: V1alpha2_AddTargetPortalRequest) in
                AddPortal(portal: try portal(request.hasTargetPortal, request.targetPortal))
            },
            response: V1alpha2_AddTargetPortalResponse.self,
            request: { operation in .with { $0.targetPortal = .init(operation.portal) } }),
        WireRow(
            "DiscoverTargetPortal",
            operation: { (request: V1alpha2_DiscoverTargetPortalRequest) in
                DiscoverTargets(portal: try portal(request.hasTargetPortal, request.targetPortal))
            },
            response: { names in V1alpha2_DiscoverTargetPortalResponse.with { $0.iqns = names.map(\.description) } },
            request: { operation in .with { $0.targetPortal = .init(operation.portal) } },
            answer: { response in try response.iqns.map { try ISCSIName($0) } }),
        WireRow(
            "RemoveTargetPortal",
            operation: { (request: V1alpha2_RemoveTargetPortalRequest) in
                RemovePortal(portal: try portal(request.hasTargetPortal, request.targetPortal))
            },
            response: V1alpha2_RemoveTargetPortalResponse.self,
            request: { operation in .with { $0.targetPortal = .init(operation.portal) } }),
        WireRow(
            "ListTargetPortals",
            operation: { (_: V1alpha2_ListTargetPortalsRequest) in ListPortals() },
            response: { portals in
                V1alpha2_ListTargetPortalsResponse.with { $0.targetPortals = portals.map { .init($0) } }
            },
            request: { _ in V1alpha2_ListTargetPortalsRequest() },
            answer: { response in
                try response.targetPortals.map { try ISCSIPortal(address: $0.targetAddress, port: $0.targetPort) }
            }),
        WireRow(
            "ConnectTarget",
            operation: { (request: V1alpha2_ConnectTargetRequest) in
                let target = try target(request.iqn, request.hasTargetPortal, request.targetPortal)
                let authentication: ISCSIAuthentication
                switch request.authType {
                case .none: authentication = .none
                case .oneWayChap: authentication = .oneWay(try chap(request))
                case .mutualChap: authentication = .mutual(try chap(request))
                case .UNRECOGNIZED(let number):
                    throw StorageError(.invalidArgument, "invalid authentication type authType=\(number)")
                }
                return ConnectTarget(target: target, authentication: authentication)
            },
            response: V1alpha2_ConnectTargetResponse.self,
            request: { operation in
                var request = V1alpha2_ConnectTargetRequest.with {
                    $0.targetPortal = .init(operation.target.portal)
                    $0.iqn = "\(operation.target.name)"
                }
                switch operation.authentication {
                case .none: request.authType = .none
                case .oneWay(let chap): request.prove(chap, .oneWayChap)
                case .mutual(let chap, target: nil): request.prove(chap, .mutualChap)
                case .mutual(_, target: .some): throw unsaid("give a target a secret of its own to prove")
                }
                return request
            }),
        WireRow(
            "DisconnectTarget",
            operation: { (request: V1alpha2_DisconnectTargetRequest) in
                DisconnectTarget(target: try target(request.iqn, request.hasTargetPortal, request.targetPortal))
            },
            response: V1alpha2_DisconnectTargetResponse.self,
            request: { operation in
                .with {
                    $0.targetPortal = .init(operation.target.portal)
                    $0.iqn = "\(operation.target.name)"
                }
            }),
        WireRow(
            "GetTargetDisks",
            operation: { (request: V1alpha2_GetTargetDisksRequest) in
                DisksOfTarget(target: try target(request.iqn, request.hasTargetPortal, request.targetPortal))
            },
            response: { disks in V1alpha2_GetTargetDisksResponse.with { $0.diskIds = disks.map(\.description) } },
            request: { operation in
                .with {
                    $0.targetPortal = .init(operation.target.portal)
                    $0.iqn = "\(operation.target.name)"
                }
            },
            answer: { response in try response.diskIds.map { try DiskNumber(decimal: $0) } }),
    ]

    private static let setMutualSecret = WireRow(
        "SetMutualChapSecret",
        operation: { (request: V1alpha2_SetMutualChapSecretRequest) in
            SetMutualCHAPSecret(secret: try Secret(request.mutualChapSecret))
        },
        response: V1alpha2_SetMutualChapSecretResponse.self,
        request: { operation in .with { $0.mutualChapSecret = operation.secret.revealed } })

    private static func portal(_ isThere: Bool, _ portal: V1alpha2_TargetPortal) throws -> ISCSIPortal {
        guard isThere else { throw StorageError(.invalidArgument, "the request names no target_portal") }
        return try ISCSIPortal(address: portal.targetAddress, port: portal.targetPort)
    }

    private static func target(
        _ name: String, _ hasPortal: Bool, _ portal: V1alpha2_TargetPortal
    ) throws -> ISCSITarget {
        ISCSITarget(try ISCSIName(name), at: try Self.portal(hasPortal, portal))
    }

    private static func chap(_ request: V1alpha2_ConnectTargetRequest) throws -> CHAP {
        try CHAP(name: request.chapUsername, secret: Secret(request.chapSecret))
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
