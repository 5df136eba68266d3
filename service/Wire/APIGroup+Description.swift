// SPDX-License-Identifier: Apache-2.0

import HostStorageAPI
public import StorageVersions

extension APIGroup {
    /// The .proto files that describe a version, and gRPC's own services: serialized `FileDescriptorProto`s in base64.
    public func descriptors(_ version: APIVersion) -> [String] {
        let own = "\(rawValue)/\(version)/\(rawValue).proto"
        return fileDescriptors.compactMap {
            $0 == own || ["grpc/", "google/", "errors/"].contains(where: $0.hasPrefix) ? $1 : nil
        }
    }
}
