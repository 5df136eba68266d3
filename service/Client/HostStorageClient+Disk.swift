// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import HostStorageAPI
import SwiftProtobuf

extension HostStorageClient {
    /// From v1beta3 on disks are numbered; before, they are named by their number in decimal.
    private var isNumbered: Bool { disk.version.isAtLeast("v1beta3") }

    public func diskLocations() async throws(StorageError) -> [DiskNumber: DiskLocation] {
        var locations: [DiskNumber: DiskLocation] = [:]
        if isNumbered {
            let response: V1_ListDiskLocationsResponse = try await disk.call(
                "ListDiskLocations", V1_ListDiskLocationsRequest())
            for (number, at) in response.diskLocations {
                locations[DiskNumber(number)] = DiskLocation(
                    adapter: at.adapter, bus: at.bus, target: at.target, lun: at.lunid)
            }
        } else {
            let response: V1beta2_ListDiskLocationsResponse = try await disk.call(
                "ListDiskLocations", V1beta2_ListDiskLocationsRequest())
            for (number, at) in response.diskLocations {
                locations[try DiskNumber(decimal: number)] = DiskLocation(
                    adapter: at.adapter, bus: at.bus, target: at.target, lun: at.lunid)
            }
        }
        return locations
    }

    public func diskIdentifiers() async throws(StorageError) -> [DiskNumber: DiskIdentifiers] {
        var all: [DiskNumber: DiskIdentifiers] = [:]
        if isNumbered {
            let response: V1_ListDiskIDsResponse = try await disk.call("ListDiskIDs", V1_ListDiskIDsRequest())
            for (number, ids) in response.diskIds {
                all[DiskNumber(number)] = DiskIdentifiers(page83: ids.page83, serialNumber: ids.serialNumber)
            }
        } else if disk.version.isAtLeast("v1beta1") {
            let response: V1beta2_ListDiskIDsResponse = try await disk.call("ListDiskIDs", V1beta2_ListDiskIDsRequest())
            for (number, ids) in response.diskIds {
                all[try DiskNumber(decimal: number)] = DiskIdentifiers(
                    page83: ids.identifiers["page83"] ?? "", serialNumber: ids.identifiers["serialNumber"] ?? "")
            }
        } else {
            throw disk.lacks("list the disks' identifiers")
        }
        return all
    }

    public func partitionDisk(_ number: DiskNumber) async throws(StorageError) {
        if isNumbered {
            let _: V1_PartitionDiskResponse = try await disk.call(
                "PartitionDisk", V1_PartitionDiskRequest.with { $0.diskNumber = number.rawValue })
        } else {
            let _: V1beta2_PartitionDiskResponse = try await disk.call(
                "PartitionDisk", V1beta2_PartitionDiskRequest.with { $0.diskID = "\(number)" })
        }
    }

    public func rescanDisks() async throws(StorageError) {
        let _: V1_RescanResponse = try await disk.call("Rescan", V1_RescanRequest())
    }

    public func diskSize(_ number: DiskNumber) async throws(StorageError) -> Int64 {
        if isNumbered {
            let response: V1_GetDiskStatsResponse = try await disk.call(
                "GetDiskStats", V1_GetDiskStatsRequest.with { $0.diskNumber = number.rawValue })
            return response.totalBytes
        }
        guard disk.version.isAtLeast("v1beta1") else { throw disk.lacks("tell a disk's size") }
        let response: V1beta2_DiskStatsResponse = try await disk.call(
            "DiskStats", V1beta2_DiskStatsRequest.with { $0.diskID = "\(number)" })
        return response.diskSize
    }

    public func setDiskState(_ number: DiskNumber, to state: DiskState) async throws(StorageError) {
        if isNumbered {
            let _: V1_SetDiskStateResponse = try await disk.call(
                "SetDiskState",
                V1_SetDiskStateRequest.with {
                    $0.diskNumber = number.rawValue
                    $0.isOnline = state == .online
                })
            return
        }
        guard disk.version.isAtLeast("v1beta2") else { throw disk.lacks("set a disk's state") }
        let _: V1beta2_SetAttachStateResponse = try await disk.call(
            "SetAttachState",
            V1beta2_SetAttachStateRequest.with {
                $0.diskID = "\(number)"
                $0.isOnline = state == .online
            })
    }

    public func diskState(_ number: DiskNumber) async throws(StorageError) -> DiskState {
        if isNumbered {
            let response: V1_GetDiskStateResponse = try await disk.call(
                "GetDiskState", V1_GetDiskStateRequest.with { $0.diskNumber = number.rawValue })
            return response.isOnline ? .online : .offline
        }
        guard disk.version.isAtLeast("v1beta2") else { throw disk.lacks("tell a disk's state") }
        let response: V1beta2_GetAttachStateResponse = try await disk.call(
            "GetAttachState", V1beta2_GetAttachStateRequest.with { $0.diskID = "\(number)" })
        return response.isOnline ? .online : .offline
    }
}
