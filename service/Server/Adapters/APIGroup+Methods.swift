// SPDX-License-Identifier: Apache-2.0

public import StorageAccess
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

extension MethodCatalogue {
    /// All that is served.
    public static let served: MethodCatalogue = APIGroup.allCases.flatMap { group in
        group.versions.flatMap { version in
            group.methods(version).map { MethodName(group: group, version: version, name: $0.name) }
        }
    }
}
