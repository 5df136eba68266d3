// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import HostStorageAPI
import SwiftProtobuf

extension HostStorageClient {
    /// From v1beta3 on methods and fields have their present names.
    private var isCurrent: Bool { volume.version.isAtLeast("v1beta3") }
    private var hasQueries: Bool { volume.version.isAtLeast("v1beta1") }

    public func volumes(on disk: DiskNumber, partition: PartitionNumber?) async throws(StorageError) -> [VolumeID] {
        // On the wire, 0 stands for all of them.
        guard partition?.rawValue != 0 else { throw StorageError(.invalidArgument, "partitions are numbered from 1") }
        let texts: [String]
        if isCurrent {
            let response: V1_ListVolumesOnDiskResponse = try await volume.call(
                "ListVolumesOnDisk",
                V1_ListVolumesOnDiskRequest.with {
                    $0.diskNumber = disk.rawValue
                    $0.partitionNumber = partition?.rawValue ?? 0
                })
            texts = response.volumeIds
        } else {
            guard partition == nil else { throw volume.lacks("list one partition alone") }
            let response: V1beta2_ListVolumesOnDiskResponse = try await volume.call(
                "ListVolumesOnDisk", V1beta2_ListVolumesOnDiskRequest.with { $0.diskID = "\(disk)" })
            texts = response.volumeIds
        }
        var volumes: [VolumeID] = []
        for text in texts { volumes.append(try VolumeID(text)) }
        return volumes
    }

    public func mountVolume(_ id: VolumeID, at path: String) async throws(StorageError) {
        // The field has another name in old versions and the same number and type in all.
        let _: V1_MountVolumeResponse = try await volume.call(
            "MountVolume",
            V1_MountVolumeRequest.with {
                $0.volumeID = "\(id)"
                $0.targetPath = path
            })
    }

    /// Whether anything else still holds the volume's device, no released version tells.
    @discardableResult
    public func unmountVolume(_ id: VolumeID, from path: String) async throws(StorageError) -> UnmountOutcome {
        let _: V1_UnmountVolumeResponse = try await volume.call(
            isCurrent ? "UnmountVolume" : "DismountVolume",
            V1_UnmountVolumeRequest.with {
                $0.volumeID = "\(id)"
                $0.targetPath = path
            })
        return .untold
    }

    public func isVolumeFormatted(_ id: VolumeID) async throws(StorageError) -> Bool {
        let response: V1_IsVolumeFormattedResponse = try await volume.call(
            "IsVolumeFormatted", V1_IsVolumeFormattedRequest.with { $0.volumeID = "\(id)" })
        return response.formatted
    }

    public func formatVolume(_ id: VolumeID, over signature: Signature?) async throws(StorageError) {
        guard signature == nil else { throw volume.lacks("format over what is there") }
        let _: V1_FormatVolumeResponse = try await volume.call(
            "FormatVolume", V1_FormatVolumeRequest.with { $0.volumeID = "\(id)" })
    }

    public func resizeVolume(_ id: VolumeID, to size: VolumeSize) async throws(StorageError) {
        let bytes: Int64
        switch size {
        case .maximum: bytes = 0
        // On the wire, 0 stands for the maximum.
        case .bytes(0): throw StorageError(.invalidArgument, "a volume cannot become 0 bytes")
        case .bytes(let wanted): bytes = wanted
        }
        let _: V1_ResizeVolumeResponse = try await volume.call(
            "ResizeVolume",
            V1_ResizeVolumeRequest.with {
                $0.volumeID = "\(id)"
                $0.sizeBytes = bytes
            })
    }

    public func volumeStats(_ id: VolumeID) async throws(StorageError) -> VolumeStats {
        guard hasQueries else { throw volume.lacks("tell a volume's size") }
        let response: V1_GetVolumeStatsResponse = try await volume.call(
            isCurrent ? "GetVolumeStats" : "VolumeStats", V1_GetVolumeStatsRequest.with { $0.volumeID = "\(id)" })
        return VolumeStats(totalBytes: response.totalBytes, usedBytes: response.usedBytes)
    }

    public func disk(of id: VolumeID) async throws(StorageError) -> DiskNumber {
        guard hasQueries else { throw volume.lacks("tell a volume's disk") }
        let response: V1_GetDiskNumberFromVolumeIDResponse = try await volume.call(
            isCurrent ? "GetDiskNumberFromVolumeID" : "GetVolumeDiskNumber",
            V1_GetDiskNumberFromVolumeIDRequest.with { $0.volumeID = "\(id)" })
        return DiskNumber(response.diskNumber)
    }

    public func volume(mountedAt path: String) async throws(StorageError) -> VolumeID {
        guard hasQueries else { throw volume.lacks("tell what is mounted at a path") }
        let response: V1_GetVolumeIDFromTargetPathResponse = try await volume.call(
            isCurrent ? "GetVolumeIDFromTargetPath" : "GetVolumeIDFromMount",
            V1_GetVolumeIDFromTargetPathRequest.with { $0.targetPath = path })
        return try VolumeID(response.volumeID)
    }

    public func volume(closestTo path: String) async throws(StorageError) -> VolumeID {
        guard volume.version.isAtLeast("v2alpha1") else { throw volume.lacks("tell the volume that holds a path") }
        let response: V2alpha1_GetClosestVolumeIDFromTargetPathResponse = try await volume.call(
            "GetClosestVolumeIDFromTargetPath",
            V2alpha1_GetClosestVolumeIDFromTargetPathRequest.with { $0.targetPath = path })
        return try VolumeID(response.volumeID)
    }

    public func flushVolume(_ id: VolumeID) async throws(StorageError) {
        guard volume.version.isAtLeast("v1beta2") else { throw volume.lacks("flush a volume") }
        let _: V1_WriteVolumeCacheResponse = try await volume.call(
            "WriteVolumeCache", V1_WriteVolumeCacheRequest.with { $0.volumeID = "\(id)" })
    }
}
