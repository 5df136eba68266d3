// SPDX-License-Identifier: Apache-2.0

import HostStorageAPI
public import StorageVersions

extension APIGroup {
    /// The .proto files that describe a version, and gRPC's own services: serialized `FileDescriptorProto`s in base64.
    public func descriptors(_ version: APIVersion) -> [String] {
        let own = "\(rawValue)/\(version)/\(rawValue).proto"
        return fileDescriptors.compactMap { $0 == own || $0.hasPrefix("grpc/") || $0.hasPrefix("google/") ? $1 : nil }
    }
}
