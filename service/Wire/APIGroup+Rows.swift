// SPDX-License-Identifier: Apache-2.0

public import HostStorage
public import StorageVersions

extension APIGroup {
    /// The rows of one of the group's versions, in the order of its methods; none for a version that there is not.
    public func rows(_ version: APIVersion) -> [WireRow] { Self.tables[self]?[version] ?? [] }

    /// The group that has a method for an operation in any version; nil where none has.
    public static func having<Operation: HostOperation>(_: Operation.Type) -> APIGroup? {
        groups[ObjectIdentifier(Operation.self)]
    }

    private static let tables: [APIGroup: [APIVersion: [WireRow]]] = Dictionary(
        uniqueKeysWithValues: allCases.map { group in
            let rows: (APIVersion) -> [WireRow] =
                switch group {
                case .disk: DiskRows.of
                case .volume: VolumeRows.of
                case .filesystem: FilesystemRows.of
                case .smb: SMBRows.of
                case .system: SystemRows.of
                case .iscsi: ISCSIRows.of
                }
            return (group, Dictionary(uniqueKeysWithValues: group.versions.map { ($0, rows($0)) }))
        })

    private static let groups: [ObjectIdentifier: APIGroup] = tables.reduce(into: [:]) { groups, table in
        for row in table.value.values.joined() { groups[row.operation] = table.key }
    }
}

/// The error for an operation that a version lacks.
func unsaid(_ what: String) -> StorageError { StorageError(.unsupported, "this version of the API cannot \(what)") }
