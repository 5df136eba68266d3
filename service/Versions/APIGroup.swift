// SPDX-License-Identifier: Apache-2.0

/// The API groups and their versions.
public enum APIGroup: String, Sendable, Hashable, CaseIterable {
    case disk, volume, filesystem, smb, system, iscsi

    /// The newest first.
    public var versions: [APIVersion] {
        let names =
            switch self {
            case .disk: ["v2", "v1", "v1beta3", "v1beta2", "v1beta1", "v1alpha1"]
            case .volume: ["v2", "v2alpha1", "v1", "v1beta3", "v1beta2", "v1beta1", "v1alpha1"]
            case .filesystem: ["v2", "v2alpha1", "v1", "v1beta2", "v1beta1", "v1alpha1"]
            case .smb: ["v1", "v1beta2", "v1beta1", "v1alpha1"]
            case .system: ["v2", "v1alpha1"]
            case .iscsi: ["v1alpha2", "v1alpha1"]
            }
        return names.compactMap(APIVersion.init).sorted(by: >)
    }

    /// Those that never change any more.
    public var releasedVersions: [APIVersion] { versions.filter(\.isReleased) }

    /// The full name of the gRPC service: "v1.Disk", "v1alpha2.Iscsi".
    public func serviceName(_ version: APIVersion) -> String {
        "\(version).\(rawValue.prefix(1).uppercased())\(rawValue.dropFirst())"
    }

    /// The name of the socket in the pipe directory, which is that of csi-proxy's pipe.
    public func socketName(_ version: APIVersion) -> String { "csi-proxy-\(rawValue)-\(version)" }
}
