// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageAPI
import SwiftProtobuf

/// The volume group's methods for volumes in use, from v2 on.
enum MaintenanceRows {
    static let all = [
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
