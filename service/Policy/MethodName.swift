// SPDX-License-Identifier: Apache-2.0

public import StorageVersions

/// A method of one version of a group.
public struct MethodName: Sendable, Hashable, CustomStringConvertible {
    public var group: APIGroup
    public var version: APIVersion
    /// As the version calls it: "UnmountVolume" in one is "DismountVolume" in another.
    public var name: String

    public init(group: APIGroup, version: APIVersion, name: String) {
        self.group = group
        self.version = version
        self.name = name
    }

    /// As on the wire: "v1.Disk/PartitionDisk".
    public var description: String { "\(group.serviceName(version))/\(name)" }
}

/// All methods that there are. Rules are checked against it, so that a misspelt name is reported.
public typealias MethodCatalogue = [MethodName]
