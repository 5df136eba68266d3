// SPDX-License-Identifier: Apache-2.0

import StorageVersions

extension APIGroup {
    /// The rows of one of the group's versions.
    func methods(_ version: APIVersion) -> [any MethodRow] {
        switch self {
        case .disk: DiskService.methods(version)
        case .volume: VolumeService.methods(version)
        case .filesystem: FilesystemService.methods(version)
        case .smb: SMBService.methods(version)
        case .system: SystemService.methods(version)
        case .iscsi: ISCSIService.methods(version)
        }
    }
}
