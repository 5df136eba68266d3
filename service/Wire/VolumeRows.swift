// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageAPI
import StorageVersions
import SwiftProtobuf

/// The versions of the volume group. From v1beta3 on only methods were added; before it methods and fields
/// had other names, and numbers other types.
enum VolumeRows {
    static func of(_ version: APIVersion) -> [WireRow] {
        switch "\(version)" {
        case "v1alpha1": first
        case "v1beta1": first + queries
        case "v1beta2": first + queries + [flush]
        case "v1beta3", "v1": current
        case "v2alpha1": current + [closest]
        case "v2": current + [closest] + MountRows.all + MaintenanceRows.all
        default: []
        }
    }

    /// Drivers send paths without a drive, and csi-proxy takes them, to all methods of the group.
    static func target(_ text: String) -> CallerPath { CallerPath(text, driveless: .onDriveC) }

    private static func requireBlank(_ operation: FormatVolume) throws {
        guard operation.signature == nil else { throw unsaid("format over what is there") }
    }

    // MARK: - v1beta3, v1, v2alpha1, v2

    private static let current = [
        WireRow(
            "ListVolumesOnDisk",
            operation: { (request: V1_ListVolumesOnDiskRequest) in
                ListVolumes(
                    disk: DiskNumber(request.diskNumber),
                    partition: request.partitionNumber == 0 ? nil : PartitionNumber(request.partitionNumber))
            },
            response: { volumes in V1_ListVolumesOnDiskResponse.with { $0.volumeIds = volumes.map(\.description) } },
            request: { operation in
                // On the wire, 0 stands for all of them.
                guard operation.partition?.rawValue != 0 else {
                    throw StorageError(.invalidArgument, "partitions are numbered from 1")
                }
                return .with {
                    $0.diskNumber = operation.disk.rawValue
                    $0.partitionNumber = operation.partition?.rawValue ?? 0
                }
            },
            answer: { response in try response.volumeIds.map { try VolumeID($0) } }),
        WireRow(
            "MountVolume",
            operation: { (request: V1_MountVolumeRequest) in
                MountVolume(volume: try VolumeID(request.volumeID), target: target(request.targetPath))
            },
            response: V1_MountVolumeResponse.self,
            request: { operation in
                .with {
                    $0.volumeID = "\(operation.volume)"
                    $0.targetPath = operation.target.text
                }
            }),
        WireRow(
            "UnmountVolume",
            operation: { (request: V1_UnmountVolumeRequest) in
                UnmountVolume(volume: try VolumeID(request.volumeID), target: target(request.targetPath))
            },
            response: { _ in V1_UnmountVolumeResponse() },
            request: { operation in
                .with {
                    $0.volumeID = "\(operation.volume)"
                    $0.targetPath = operation.target.text
                }
            },
            answer: { _ in .unknown }),
        WireRow(
            "IsVolumeFormatted",
            operation: { (request: V1_IsVolumeFormattedRequest) in
                IsVolumeFormatted(volume: try VolumeID(request.volumeID))
            },
            response: { isFormatted in V1_IsVolumeFormattedResponse.with { $0.formatted = isFormatted } },
            request: { operation in .with { $0.volumeID = "\(operation.volume)" } },
            answer: { $0.formatted }),
        WireRow(
            "FormatVolume",
            operation: { (request: V1_FormatVolumeRequest) in FormatVolume(volume: try VolumeID(request.volumeID)) },
            response: V1_FormatVolumeResponse.self,
            request: { operation in
                try requireBlank(operation)
                return .with { $0.volumeID = "\(operation.volume)" }
            }),
        WireRow(
            "ResizeVolume",
            operation: { (request: V1_ResizeVolumeRequest) in
                ResizeVolume(volume: try VolumeID(request.volumeID), size: try VolumeSize(wire: request.sizeBytes))
            },
            response: V1_ResizeVolumeResponse.self,
            request: { operation in
                let bytes = try operation.size.onTheWire()
                return .with {
                    $0.volumeID = "\(operation.volume)"
                    $0.sizeBytes = bytes
                }
            }),
        WireRow(
            "GetVolumeStats",
            operation: { (request: V1_GetVolumeStatsRequest) in
                StatsOfVolume(volume: try VolumeID(request.volumeID))
            },
            response: { stats in
                V1_GetVolumeStatsResponse.with {
                    $0.totalBytes = stats.totalBytes
                    $0.usedBytes = stats.usedBytes
                }
            },
            request: { operation in .with { $0.volumeID = "\(operation.volume)" } },
            answer: { VolumeStats(totalBytes: $0.totalBytes, usedBytes: $0.usedBytes) }),
        WireRow(
            "GetDiskNumberFromVolumeID",
            operation: { (request: V1_GetDiskNumberFromVolumeIDRequest) in
                DiskOfVolume(volume: try VolumeID(request.volumeID))
            },
            response: { disk in V1_GetDiskNumberFromVolumeIDResponse.with { $0.diskNumber = disk.rawValue } },
            request: { operation in .with { $0.volumeID = "\(operation.volume)" } },
            answer: { DiskNumber($0.diskNumber) }),
        WireRow(
            "GetVolumeIDFromTargetPath",
            operation: { (request: V1_GetVolumeIDFromTargetPathRequest) in
                VolumeMountedAt(path: target(request.targetPath))
            },
            response: { volume in V1_GetVolumeIDFromTargetPathResponse.with { $0.volumeID = "\(volume)" } },
            request: { operation in .with { $0.targetPath = operation.path.text } },
            answer: { try VolumeID($0.volumeID) }),
        WireRow(
            "WriteVolumeCache",
            operation: { (request: V1_WriteVolumeCacheRequest) in FlushVolume(volume: try VolumeID(request.volumeID)) },
            response: V1_WriteVolumeCacheResponse.self,
            request: { operation in .with { $0.volumeID = "\(operation.volume)" } }),
    ]

    private static let closest = WireRow(
        "GetClosestVolumeIDFromTargetPath",
        operation: { (request: V2alpha1_GetClosestVolumeIDFromTargetPathRequest) in
            VolumeClosestTo(path: target(request.targetPath))
        },
        response: { volume in V2alpha1_GetClosestVolumeIDFromTargetPathResponse.with { $0.volumeID = "\(volume)" } },
        request: { operation in .with { $0.targetPath = operation.path.text } },
        answer: { try VolumeID($0.volumeID) })

    // MARK: - v1alpha1 to v1beta2

    private static let first = [
        WireRow(
            "ListVolumesOnDisk",
            operation: { (request: V1beta2_ListVolumesOnDiskRequest) in
                ListVolumes(disk: try DiskNumber(decimal: request.diskID))
            },
            response: { volumes in
                V1beta2_ListVolumesOnDiskResponse.with { $0.volumeIds = volumes.map(\.description) }
            },
            request: { operation in
                guard operation.partition?.rawValue != 0 else {
                    throw StorageError(.invalidArgument, "partitions are numbered from 1")
                }
                guard operation.partition == nil else { throw unsaid("list one partition alone") }
                return .with { $0.diskID = "\(operation.disk)" }
            },
            answer: { response in try response.volumeIds.map { try VolumeID($0) } }),
        WireRow(
            "MountVolume",
            operation: { (request: V1beta2_MountVolumeRequest) in
                MountVolume(volume: try VolumeID(request.volumeID), target: target(request.path))
            },
            response: V1beta2_MountVolumeResponse.self,
            request: { operation in
                .with {
                    $0.volumeID = "\(operation.volume)"
                    $0.path = operation.target.text
                }
            }),
        WireRow(
            "DismountVolume",
            operation: { (request: V1beta2_DismountVolumeRequest) in
                UnmountVolume(volume: try VolumeID(request.volumeID), target: target(request.path))
            },
            response: { _ in V1beta2_DismountVolumeResponse() },
            request: { operation in
                .with {
                    $0.volumeID = "\(operation.volume)"
                    $0.path = operation.target.text
                }
            },
            answer: { _ in .unknown }),
        WireRow(
            "IsVolumeFormatted",
            operation: { (request: V1beta2_IsVolumeFormattedRequest) in
                IsVolumeFormatted(volume: try VolumeID(request.volumeID))
            },
            response: { isFormatted in V1beta2_IsVolumeFormattedResponse.with { $0.formatted = isFormatted } },
            request: { operation in .with { $0.volumeID = "\(operation.volume)" } },
            answer: { $0.formatted }),
        WireRow(
            "FormatVolume",
            operation: { (request: V1beta2_FormatVolumeRequest) in
                FormatVolume(volume: try VolumeID(request.volumeID))
            },
            response: V1beta2_FormatVolumeResponse.self,
            request: { operation in
                try requireBlank(operation)
                return .with { $0.volumeID = "\(operation.volume)" }
            }),
        WireRow(
            "ResizeVolume",
            operation: { (request: V1beta2_ResizeVolumeRequest) in
                ResizeVolume(volume: try VolumeID(request.volumeID), size: try VolumeSize(wire: request.size))
            },
            response: V1beta2_ResizeVolumeResponse.self,
            request: { operation in
                let bytes = try operation.size.onTheWire()
                return .with {
                    $0.volumeID = "\(operation.volume)"
                    $0.size = bytes
                }
            }),
    ]

    private static let queries = [
        WireRow(
            "VolumeStats",
            operation: { (request: V1beta2_VolumeStatsRequest) in
                StatsOfVolume(volume: try VolumeID(request.volumeID))
            },
            response: { stats in
                V1beta2_VolumeStatsResponse.with {
                    $0.volumeSize = stats.totalBytes
                    $0.volumeUsedSize = stats.usedBytes
                }
            },
            request: { operation in .with { $0.volumeID = "\(operation.volume)" } },
            answer: { VolumeStats(totalBytes: $0.volumeSize, usedBytes: $0.volumeUsedSize) }),
        WireRow(
            "GetVolumeDiskNumber",
            operation: { (request: V1beta2_VolumeDiskNumberRequest) in
                DiskOfVolume(volume: try VolumeID(request.volumeID))
            },
            response: { disk in V1beta2_VolumeDiskNumberResponse.with { $0.diskNumber = Int64(disk.rawValue) } },
            request: { operation in .with { $0.volumeID = "\(operation.volume)" } },
            answer: { response in
                guard let number = UInt32(exactly: response.diskNumber) else {
                    throw StorageError(.internalError, "the proxy answers with disk \(response.diskNumber)")
                }
                return DiskNumber(number)
            }),
        WireRow(
            "GetVolumeIDFromMount",
            operation: { (request: V1beta2_VolumeIDFromMountRequest) in VolumeMountedAt(path: target(request.mount)) },
            response: { volume in V1beta2_VolumeIDFromMountResponse.with { $0.volumeID = "\(volume)" } },
            request: { operation in .with { $0.mount = operation.path.text } },
            answer: { try VolumeID($0.volumeID) }),
    ]

    private static let flush = WireRow(
        "WriteVolumeCache",
        operation: { (request: V1beta2_WriteVolumeCacheRequest) in
            FlushVolume(volume: try VolumeID(request.volumeID))
        },
        response: V1beta2_WriteVolumeCacheResponse.self,
        request: { operation in .with { $0.volumeID = "\(operation.volume)" } })
}

/// On the wire 0 is the maximum, and a negative size is refused.
extension VolumeSize {
    init(wire bytes: Int64) throws {
        guard bytes >= 0 else { throw StorageError(.invalidArgument, "the size \(bytes) is negative") }
        self = bytes == 0 ? .maximum : .bytes(bytes)
    }

    func onTheWire() throws -> Int64 {
        switch self {
        case .maximum: return 0
        case .bytes(let bytes) where bytes > 0: return bytes
        case .bytes(let bytes): throw StorageError(.invalidArgument, "a volume cannot become \(bytes) bytes")
        }
    }
}
