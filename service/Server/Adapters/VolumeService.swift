// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageAPI
import StorageVersions
import SwiftProtobuf

/// The versions of the volume group. From v1beta3 on only methods were added; before it methods and fields
/// had other names, and numbers other types.
enum VolumeService {
    static func methods(_ version: APIVersion) -> [any MethodRow] {
        switch "\(version)" {
        case "v1alpha1": first
        case "v1beta1": first + queries
        case "v1beta2": first + queries + [flush]
        case "v2alpha1": current + [closest]
        default: current
        }
    }

    // MARK: - v1beta3, v1, v2alpha1

    private static let current: [any MethodRow] = [
        Method("ListVolumesOnDisk") { (request: V1_ListVolumesOnDiskRequest, host) throws(StorageError) in
            let volumes = try await host.volumes(
                on: DiskNumber(request.diskNumber),
                partition: request.partitionNumber == 0 ? nil : PartitionNumber(request.partitionNumber))
            return V1_ListVolumesOnDiskResponse.with { $0.volumeIds = volumes.map(\.description) }
        },
        Method("MountVolume") { (request: V1_MountVolumeRequest, host) throws(StorageError) in
            try await host.mountVolume(VolumeID(request.volumeID), at: request.targetPath)
            return V1_MountVolumeResponse()
        },
        Method("UnmountVolume") { (request: V1_UnmountVolumeRequest, host) throws(StorageError) in
            try await host.unmountVolume(VolumeID(request.volumeID), from: request.targetPath)
            return V1_UnmountVolumeResponse()
        },
        Method("IsVolumeFormatted") { (request: V1_IsVolumeFormattedRequest, host) throws(StorageError) in
            let isFormatted = try await host.isVolumeFormatted(VolumeID(request.volumeID))
            return V1_IsVolumeFormattedResponse.with { $0.formatted = isFormatted }
        },
        Method("FormatVolume") { (request: V1_FormatVolumeRequest, host) throws(StorageError) in
            try await host.formatVolume(VolumeID(request.volumeID))
            return V1_FormatVolumeResponse()
        },
        Method("ResizeVolume") { (request: V1_ResizeVolumeRequest, host) throws(StorageError) in
            try await host.resizeVolume(VolumeID(request.volumeID), to: VolumeSize(wire: request.sizeBytes))
            return V1_ResizeVolumeResponse()
        },
        Method("GetVolumeStats") { (request: V1_GetVolumeStatsRequest, host) throws(StorageError) in
            let stats = try await host.volumeStats(VolumeID(request.volumeID))
            return V1_GetVolumeStatsResponse.with {
                $0.totalBytes = stats.totalBytes
                $0.usedBytes = stats.usedBytes
            }
        },
        Method("GetDiskNumberFromVolumeID") {
            (request: V1_GetDiskNumberFromVolumeIDRequest, host) throws(StorageError) in
            let disk = try await host.disk(of: VolumeID(request.volumeID))
            return V1_GetDiskNumberFromVolumeIDResponse.with { $0.diskNumber = disk.rawValue }
        },
        Method("GetVolumeIDFromTargetPath") {
            (request: V1_GetVolumeIDFromTargetPathRequest, host) throws(StorageError) in
            let volume = try await host.volume(mountedAt: request.targetPath)
            return V1_GetVolumeIDFromTargetPathResponse.with { $0.volumeID = "\(volume)" }
        },
        Method("WriteVolumeCache") { (request: V1_WriteVolumeCacheRequest, host) throws(StorageError) in
            try await host.flushVolume(VolumeID(request.volumeID))
            return V1_WriteVolumeCacheResponse()
        },
    ]

    private static let closest = Method("GetClosestVolumeIDFromTargetPath") {
        (request: V2alpha1_GetClosestVolumeIDFromTargetPathRequest, host) throws(StorageError) in
        let volume = try await host.volume(closestTo: request.targetPath)
        return V2alpha1_GetClosestVolumeIDFromTargetPathResponse.with { $0.volumeID = "\(volume)" }
    }

    // MARK: - v1alpha1 to v1beta2

    private static let first: [any MethodRow] = [
        Method("ListVolumesOnDisk") { (request: V1beta2_ListVolumesOnDiskRequest, host) throws(StorageError) in
            let volumes = try await host.volumes(on: DiskNumber(decimal: request.diskID), partition: nil)
            return V1beta2_ListVolumesOnDiskResponse.with { $0.volumeIds = volumes.map(\.description) }
        },
        Method("MountVolume") { (request: V1beta2_MountVolumeRequest, host) throws(StorageError) in
            try await host.mountVolume(VolumeID(request.volumeID), at: request.path)
            return V1beta2_MountVolumeResponse()
        },
        Method("DismountVolume") { (request: V1beta2_DismountVolumeRequest, host) throws(StorageError) in
            try await host.unmountVolume(VolumeID(request.volumeID), from: request.path)
            return V1beta2_DismountVolumeResponse()
        },
        Method("IsVolumeFormatted") { (request: V1beta2_IsVolumeFormattedRequest, host) throws(StorageError) in
            let isFormatted = try await host.isVolumeFormatted(VolumeID(request.volumeID))
            return V1beta2_IsVolumeFormattedResponse.with { $0.formatted = isFormatted }
        },
        Method("FormatVolume") { (request: V1beta2_FormatVolumeRequest, host) throws(StorageError) in
            try await host.formatVolume(VolumeID(request.volumeID))
            return V1beta2_FormatVolumeResponse()
        },
        Method("ResizeVolume") { (request: V1beta2_ResizeVolumeRequest, host) throws(StorageError) in
            try await host.resizeVolume(VolumeID(request.volumeID), to: VolumeSize(wire: request.size))
            return V1beta2_ResizeVolumeResponse()
        },
    ]

    private static let queries: [any MethodRow] = [
        Method("VolumeStats") { (request: V1beta2_VolumeStatsRequest, host) throws(StorageError) in
            let stats = try await host.volumeStats(VolumeID(request.volumeID))
            return V1beta2_VolumeStatsResponse.with {
                $0.volumeSize = stats.totalBytes
                $0.volumeUsedSize = stats.usedBytes
            }
        },
        Method("GetVolumeDiskNumber") { (request: V1beta2_VolumeDiskNumberRequest, host) throws(StorageError) in
            let disk = try await host.disk(of: VolumeID(request.volumeID))
            return V1beta2_VolumeDiskNumberResponse.with { $0.diskNumber = Int64(disk.rawValue) }
        },
        Method("GetVolumeIDFromMount") { (request: V1beta2_VolumeIDFromMountRequest, host) throws(StorageError) in
            let volume = try await host.volume(mountedAt: request.mount)
            return V1beta2_VolumeIDFromMountResponse.with { $0.volumeID = "\(volume)" }
        },
    ]

    private static let flush = Method("WriteVolumeCache") {
        (request: V1beta2_WriteVolumeCacheRequest, host) throws(StorageError) in
        try await host.flushVolume(VolumeID(request.volumeID))
        return V1beta2_WriteVolumeCacheResponse()
    }
}
