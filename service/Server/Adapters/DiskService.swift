// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageAPI
import StorageVersions
import SwiftProtobuf

/// The versions of the disk group. v1beta3 and v1 number disks and are the same on the wire; before them,
/// disks were named by their number in decimal.
enum DiskService {
    static func methods(_ version: APIVersion) -> [any MethodRow] {
        switch "\(version)" {
        case "v1alpha1": byText + [byName]
        case "v1beta1": byText + identifiersByText
        case "v1beta2": byText + identifiersByText + attachState
        default: numbered
        }
    }

    // MARK: - v1beta3, v1

    private static let numbered: [any MethodRow] = [
        Method("ListDiskLocations") { (_: V1_ListDiskLocationsRequest, host) throws(StorageError) in
            let locations = try await host.diskLocations()
            var response = V1_ListDiskLocationsResponse()
            for (disk, location) in locations {
                response.diskLocations[disk.rawValue] = .with {
                    $0.adapter = location.adapter
                    $0.bus = location.bus
                    $0.target = location.target
                    $0.lunid = location.lun
                }
            }
            return response
        },
        Method("PartitionDisk") { (request: V1_PartitionDiskRequest, host) throws(StorageError) in
            try await host.partitionDisk(DiskNumber(request.diskNumber))
            return V1_PartitionDiskResponse()
        },
        Method("Rescan") { (_: V1_RescanRequest, host) throws(StorageError) in
            try await host.rescanDisks()
            return V1_RescanResponse()
        },
        Method("ListDiskIDs") { (_: V1_ListDiskIDsRequest, host) throws(StorageError) in
            let identifiers = try await host.diskIdentifiers()
            var response = V1_ListDiskIDsResponse()
            for (disk, identifiers) in identifiers {
                response.diskIds[disk.rawValue] = .with {
                    $0.page83 = identifiers.page83
                    $0.serialNumber = identifiers.serialNumber
                }
            }
            return response
        },
        Method("GetDiskStats") { (request: V1_GetDiskStatsRequest, host) throws(StorageError) in
            let size = try await host.diskSize(DiskNumber(request.diskNumber))
            return V1_GetDiskStatsResponse.with { $0.totalBytes = size }
        },
        Method("SetDiskState") { (request: V1_SetDiskStateRequest, host) throws(StorageError) in
            try await host.setDiskState(DiskNumber(request.diskNumber), to: request.isOnline ? .online : .offline)
            return V1_SetDiskStateResponse()
        },
        Method("GetDiskState") { (request: V1_GetDiskStateRequest, host) throws(StorageError) in
            let state = try await host.diskState(DiskNumber(request.diskNumber))
            return V1_GetDiskStateResponse.with { $0.isOnline = state == .online }
        },
    ]

    // MARK: - v1alpha1 to v1beta2

    private static let byText: [any MethodRow] = [
        Method("ListDiskLocations") { (_: V1beta2_ListDiskLocationsRequest, host) throws(StorageError) in
            let locations = try await host.diskLocations()
            var response = V1beta2_ListDiskLocationsResponse()
            for (disk, location) in locations {
                response.diskLocations["\(disk)"] = .with {
                    $0.adapter = location.adapter
                    $0.bus = location.bus
                    $0.target = location.target
                    $0.lunid = location.lun
                }
            }
            return response
        },
        Method("PartitionDisk") { (request: V1beta2_PartitionDiskRequest, host) throws(StorageError) in
            try await host.partitionDisk(DiskNumber(decimal: request.diskID))
            return V1beta2_PartitionDiskResponse()
        },
        Method("Rescan") { (_: V1beta2_RescanRequest, host) throws(StorageError) in
            try await host.rescanDisks()
            return V1beta2_RescanResponse()
        },
    ]

    private static let byName = Method("GetDiskNumberByName") {
        (request: V1alpha1_GetDiskNumberByNameRequest, host) throws(StorageError) in
        let disk = try await host.disk(page83: request.diskName)
        return V1alpha1_GetDiskNumberByNameResponse.with { $0.diskNumber = "\(disk)" }
    }

    private static let identifiersByText: [any MethodRow] = [
        Method("ListDiskIDs") { (_: V1beta2_ListDiskIDsRequest, host) throws(StorageError) in
            let identifiers = try await host.diskIdentifiers()
            var response = V1beta2_ListDiskIDsResponse()
            for (disk, identifiers) in identifiers {
                response.diskIds["\(disk)"] = .with {
                    $0.identifiers = ["page83": identifiers.page83, "serialNumber": identifiers.serialNumber]
                }
            }
            return response
        },
        Method("DiskStats") { (request: V1beta2_DiskStatsRequest, host) throws(StorageError) in
            let size = try await host.diskSize(DiskNumber(decimal: request.diskID))
            return V1beta2_DiskStatsResponse.with { $0.diskSize = size }
        },
    ]

    private static let attachState: [any MethodRow] = [
        Method("SetAttachState") { (request: V1beta2_SetAttachStateRequest, host) throws(StorageError) in
            try await host.setDiskState(
                DiskNumber(decimal: request.diskID), to: request.isOnline ? .online : .offline)
            return V1beta2_SetAttachStateResponse()
        },
        Method("GetAttachState") { (request: V1beta2_GetAttachStateRequest, host) throws(StorageError) in
            let state = try await host.diskState(DiskNumber(decimal: request.diskID))
            return V1beta2_GetAttachStateResponse.with { $0.isOnline = state == .online }
        },
    ]
}
