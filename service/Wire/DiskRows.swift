// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageAPI
import StorageVersions
import SwiftProtobuf

/// The versions of the disk group. v1beta3 and v1 number disks and are the same on the wire; before them,
/// disks were named by their number in decimal.
enum DiskRows {
    static func of(_ version: APIVersion) -> [WireRow] {
        switch "\(version)" {
        case "v1alpha1": byText + [byName]
        case "v1beta1": byText + identifiersByText
        case "v1beta2": byText + identifiersByText + attachState
        case "v1beta3", "v1": numbered
        case "v2": numbered + writeProtection
        default: []
        }
    }

    private static let rescan = WireRow(
        "Rescan",
        operation: { (_: V1_RescanRequest) in RescanDisks() },
        response: V1_RescanResponse.self,
        request: { _ in V1_RescanRequest() })

    // MARK: - v2

    private static let writeProtection = [
        WireRow(
            "GetDiskReadOnly",
            operation: { (request: V2_GetDiskReadOnlyRequest) in IsDiskReadOnly(disk: DiskNumber(request.diskNumber)) },
            response: { isReadOnly in V2_GetDiskReadOnlyResponse.with { $0.readOnly = isReadOnly } },
            request: { operation in .with { $0.diskNumber = operation.disk.rawValue } },
            answer: { $0.readOnly }),
        WireRow(
            "SetDiskReadOnly",
            operation: { (request: V2_SetDiskReadOnlyRequest) in
                SetDiskReadOnly(disk: DiskNumber(request.diskNumber), isReadOnly: request.readOnly)
            },
            response: V2_SetDiskReadOnlyResponse.self,
            request: { operation in
                .with {
                    $0.diskNumber = operation.disk.rawValue
                    $0.readOnly = operation.isReadOnly
                }
            }),
    ]

    // MARK: - v1beta3, v1, v2

    private static let numbered = [
        WireRow(
            "ListDiskLocations",
            operation: { (_: V1_ListDiskLocationsRequest) in ListDiskLocations() },
            response: { locations in
                V1_ListDiskLocationsResponse.with { response in
                    for (disk, location) in locations {
                        response.diskLocations[disk.rawValue] = .with {
                            $0.adapter = location.adapter
                            $0.bus = location.bus
                            $0.target = location.target
                            $0.lunid = location.lun
                        }
                    }
                }
            },
            request: { _ in V1_ListDiskLocationsRequest() },
            answer: { response in
                Dictionary(
                    uniqueKeysWithValues: response.diskLocations.map { number, at in
                        (
                            DiskNumber(number),
                            DiskLocation(adapter: at.adapter, bus: at.bus, target: at.target, lun: at.lunid)
                        )
                    })
            }),
        WireRow(
            "PartitionDisk",
            operation: { (request: V1_PartitionDiskRequest) in PartitionDisk(disk: DiskNumber(request.diskNumber)) },
            response: V1_PartitionDiskResponse.self,
            request: { operation in .with { $0.diskNumber = operation.disk.rawValue } }),
        rescan,
        WireRow(
            "ListDiskIDs",
            operation: { (_: V1_ListDiskIDsRequest) in ListDiskIdentifiers() },
            response: { disks in
                V1_ListDiskIDsResponse.with { response in
                    for (disk, identifiers) in disks {
                        response.diskIds[disk.rawValue] = .with {
                            $0.page83 = identifiers.page83
                            $0.serialNumber = identifiers.serialNumber
                        }
                    }
                }
            },
            request: { _ in V1_ListDiskIDsRequest() },
            answer: { response in
                Dictionary(
                    uniqueKeysWithValues: response.diskIds.map { number, names in
                        (DiskNumber(number), DiskIdentifiers(page83: names.page83, serialNumber: names.serialNumber))
                    })
            }),
        WireRow(
            "GetDiskStats",
            operation: { (request: V1_GetDiskStatsRequest) in SizeOfDisk(disk: DiskNumber(request.diskNumber)) },
            response: { size in V1_GetDiskStatsResponse.with { $0.totalBytes = size } },
            request: { operation in .with { $0.diskNumber = operation.disk.rawValue } },
            answer: { $0.totalBytes }),
        WireRow(
            "SetDiskState",
            operation: { (request: V1_SetDiskStateRequest) in
                SetDiskState(disk: DiskNumber(request.diskNumber), state: request.isOnline ? .online : .offline)
            },
            response: V1_SetDiskStateResponse.self,
            request: { operation in
                .with {
                    $0.diskNumber = operation.disk.rawValue
                    $0.isOnline = operation.state == .online
                }
            }),
        WireRow(
            "GetDiskState",
            operation: { (request: V1_GetDiskStateRequest) in StateOfDisk(disk: DiskNumber(request.diskNumber)) },
            response: { state in V1_GetDiskStateResponse.with { $0.isOnline = state == .online } },
            request: { operation in .with { $0.diskNumber = operation.disk.rawValue } },
            answer: { $0.isOnline ? .online : .offline }),
    ]

    // MARK: - v1alpha1 to v1beta2

    private static let byText = [
        WireRow(
            "ListDiskLocations",
            operation: { (_: V1beta2_ListDiskLocationsRequest) in ListDiskLocations() },
            response: { locations in
                V1beta2_ListDiskLocationsResponse.with { response in
                    for (disk, location) in locations {
                        response.diskLocations["\(disk)"] = .with {
                            $0.adapter = location.adapter
                            $0.bus = location.bus
                            $0.target = location.target
                            $0.lunid = location.lun
                        }
                    }
                }
            },
            request: { _ in V1beta2_ListDiskLocationsRequest() },
            answer: { response in
                var locations: [DiskNumber: DiskLocation] = [:]
                for (number, at) in response.diskLocations {
                    locations[try DiskNumber(decimal: number)] = DiskLocation(
                        adapter: at.adapter, bus: at.bus, target: at.target, lun: at.lunid)
                }
                return locations
            }),
        WireRow(
            "PartitionDisk",
            operation: { (request: V1beta2_PartitionDiskRequest) in
                PartitionDisk(disk: try DiskNumber(decimal: request.diskID))
            },
            response: V1beta2_PartitionDiskResponse.self,
            request: { operation in .with { $0.diskID = "\(operation.disk)" } }),
        rescan,
    ]

    private static let byName = WireRow(
        servedOnly: "GetDiskNumberByName",
        operation: { (_: V1alpha1_GetDiskNumberByNameRequest) in ListDiskIdentifiers() },
        response: { request, disks in
            let disk = try ListDiskIdentifiers.disk(page83: request.diskName, among: disks)
            return V1alpha1_GetDiskNumberByNameResponse.with { $0.diskNumber = "\(disk)" }
        })

    private static let identifiersByText = [
        WireRow(
            "ListDiskIDs",
            operation: { (_: V1beta2_ListDiskIDsRequest) in ListDiskIdentifiers() },
            response: { disks in
                V1beta2_ListDiskIDsResponse.with { response in
                    for (disk, identifiers) in disks {
                        response.diskIds["\(disk)"] = .with {
                            $0.identifiers = [
                                "page83": identifiers.page83, "serialNumber": identifiers.serialNumber,
                            ]
                        }
                    }
                }
            },
            request: { _ in V1beta2_ListDiskIDsRequest() },
            answer: { response in
                var disks: [DiskNumber: DiskIdentifiers] = [:]
                for (number, names) in response.diskIds {
                    disks[try DiskNumber(decimal: number)] = DiskIdentifiers(
                        page83: names.identifiers["page83"] ?? "",
                        serialNumber: names.identifiers["serialNumber"] ?? "")
                }
                return disks
            }),
        WireRow(
            "DiskStats",
            operation: { (request: V1beta2_DiskStatsRequest) in
                SizeOfDisk(disk: try DiskNumber(decimal: request.diskID))
            },
            response: { size in V1beta2_DiskStatsResponse.with { $0.diskSize = size } },
            request: { operation in .with { $0.diskID = "\(operation.disk)" } },
            answer: { $0.diskSize }),
    ]

    private static let attachState = [
        WireRow(
            "SetAttachState",
            operation: { (request: V1beta2_SetAttachStateRequest) in
                SetDiskState(
                    disk: try DiskNumber(decimal: request.diskID), state: request.isOnline ? .online : .offline)
            },
            response: V1beta2_SetAttachStateResponse.self,
            request: { operation in
                .with {
                    $0.diskID = "\(operation.disk)"
                    $0.isOnline = operation.state == .online
                }
            }),
        WireRow(
            "GetAttachState",
            operation: { (request: V1beta2_GetAttachStateRequest) in
                StateOfDisk(disk: try DiskNumber(decimal: request.diskID))
            },
            response: { state in V1beta2_GetAttachStateResponse.with { $0.isOnline = state == .online } },
            request: { operation in .with { $0.diskID = "\(operation.disk)" } },
            answer: { $0.isOnline ? .online : .offline }),
    ]
}
