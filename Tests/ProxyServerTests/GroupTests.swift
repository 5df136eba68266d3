// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostStorage
import HostStorageAPI
import HostStorageClient
import HostStorageTestKit
import RPC
import StorageVersions
import SwiftProtobuf
import Testing

/// Refusals of the adapters of the smb, system and iscsi groups before the host is asked (scenarios 30, 35 and 41).
@Suite(.timeLimit(.minutes(20))) struct GroupTests {
    private static let portal = V1alpha2_TargetPortal.with { $0.targetAddress = "target" }

    @Test func aMissingPortalIsRefusedAndTheServerLives() async throws {
        try await withProxy { proxy in
            let socket = proxy.socket("iscsi-v1alpha2")
            for method in [
                "AddTargetPortal", "DiscoverTargetPortal", "RemoveTargetPortal", "ConnectTarget", "DisconnectTarget",
                "GetTargetDisks",
            ] {
                let code = await status {
                    let _: Google_Protobuf_Empty = try await call(
                        socket, "v1alpha2.Iscsi/\(method)",
                        V1alpha2_ConnectTargetRequest.with { $0.iqn = "iqn.2001-04.com.example:x" })
                }
                #expect(code == .invalidArgument, "\(method)")
            }
            let response: V1alpha2_ListTargetPortalsResponse = try await call(
                socket, "v1alpha2.Iscsi/ListTargetPortals", V1alpha2_ListTargetPortalsRequest())
            #expect(response.targetPortals.isEmpty)
        }
    }

    @Test func aKindOfLoginThatDoesNotExistIsRefused() async throws {
        try await withProxy { proxy in
            let code = await status {
                let _: V1alpha2_ConnectTargetResponse = try await call(
                    proxy.socket("iscsi-v1alpha2"), "v1alpha2.Iscsi/ConnectTarget",
                    V1alpha2_ConnectTargetRequest.with {
                        $0.targetPortal = Self.portal
                        $0.iqn = "iqn.2001-04.com.example:x"
                        $0.authType = .UNRECOGNIZED(3)
                    })
            }
            #expect(code == .invalidArgument)
        }
    }

    @Test func aRemotePathAndAServiceNeedAName() async throws {
        try await withProxy { proxy in
            for version in ["v1alpha1", "v1beta1", "v1beta2", "v1"] {
                for path in ["", "hostname"] {
                    let code = await status {
                        let _: V1_NewSmbGlobalMappingResponse = try await call(
                            proxy.socket("smb-\(version)"), "\(version).Smb/NewSmbGlobalMapping",
                            V1_NewSmbGlobalMappingRequest.with { $0.remotePath = path })
                    }
                    #expect(code == .invalidArgument, "\(version)")
                }
            }
            let code = await status {
                let _: V1alpha1_StartServiceResponse = try await call(
                    proxy.socket("system-v1alpha1"), "v1alpha1.System/StartService", V1alpha1_StartServiceRequest())
            }
            #expect(code == .invalidArgument)
        }
    }

    /// A container gets only the sockets that it is to use.
    @Test func oneSocketIsEnoughForAClient() async throws {
        try await withProxy { proxy in
            for name in SocketTests.files(in: proxy.directory) where name != "csi-proxy-filesystem-v1" {
                try FileManager.default.removeItem(atPath: "\(proxy.directory)/\(name)")
            }
            let client = try HostStorageClient(pipeDirectory: proxy.directory)
            #expect(client.versions.mapValues(\.description) == [.filesystem: "v1"])
            #expect(try await client.pathExists("/var/lib/kubelet"))
            let error = await #expect(throws: StorageError.self) { try await client.rescanDisks() }
            #expect(error?.code == .unavailable)
        }
    }
}
