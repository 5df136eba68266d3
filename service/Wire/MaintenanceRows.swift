// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageAPI
import SwiftProtobuf

/// The volume group's methods for volumes in use, from v2 on.
enum MaintenanceRows {
    static let all = [
        WireRow(
            "GetTargetStats",
            operation: { (request: V2_GetTargetStatsRequest) in
                StatsOfTarget(path: VolumeRows.target(request.targetPath))
            },
            response: { V2_GetTargetStatsResponse($0) },
            request: { operation in .with { $0.targetPath = operation.path.text } },
            answer: { TargetStats($0) }),
        WireRow(
            "TrimVolume",
            operation: { (request: V2_TrimVolumeRequest) in TrimVolume(volume: try VolumeID(request.volumeID)) },
            response: { bytes in V2_TrimVolumeResponse.with { $0.trimmedBytes = bytes } },
            request: { operation in .with { $0.volumeID = "\(operation.volume)" } },
            answer: { $0.trimmedBytes }),
        WireRow(
            "FreezeVolume",
            operation: { (request: V2_FreezeVolumeRequest) in
                FreezeVolume(volume: try VolumeID(request.volumeID), limit: .milliseconds(request.limitMs))
            },
            response: V2_FreezeVolumeResponse.self,
            request: { operation in
                .with {
                    $0.volumeID = "\(operation.volume)"
                    $0.limitMs = Int64(operation.limit / .milliseconds(1))
                }
            }),
        WireRow(
            "ThawVolume",
            operation: { (request: V2_ThawVolumeRequest) in ThawVolume(volume: try VolumeID(request.volumeID)) },
            response: { wasFrozen in V2_ThawVolumeResponse.with { $0.wasFrozen = wasFrozen } },
            request: { operation in .with { $0.volumeID = "\(operation.volume)" } },
            answer: { $0.wasFrozen }),
    ]
}

extension V2_GetTargetStatsResponse {
    fileprivate init(_ stats: TargetStats) {
        self.init()
        switch stats {
        case .filesystem(let bytes, let inodes):
            self.bytes = V2_Capacity(bytes)
            if let inodes { self.inodes = V2_Capacity(inodes) }
        case .device(let size): deviceBytes = size
        @unknown default: break
        }
    }
}

extension TargetStats {
    fileprivate init(_ response: V2_GetTargetStatsResponse) {
        guard response.hasBytes else {
            self = .device(size: response.deviceBytes)
            return
        }
        self = .filesystem(
            bytes: Capacity(response.bytes), inodes: response.hasInodes ? Capacity(response.inodes) : nil)
    }
}

extension V2_Capacity {
    fileprivate init(_ capacity: Capacity) {
        self.init()
        (total, used, available) = (capacity.total, capacity.used, capacity.available)
    }
}

extension Capacity {
    fileprivate init(_ capacity: V2_Capacity) {
        self.init(total: capacity.total, used: capacity.used, available: capacity.available)
    }
}
