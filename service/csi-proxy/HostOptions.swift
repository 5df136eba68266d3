// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import HostStorage

/// Options of every command that serves a host.
struct HostOptions: ParsableArguments {
    @Option(
        name: .customLong("working-dir"), help: "A further directory beneath which callers may name paths. Repeatable.")
    var workingDirs: [String] = []

    @Option(
        help: """
            Whose names of devices are refused as names of files in Windows spelling: \
            \(PathPolicy.DeviceNames.allCases.map(\.rawValue).joined(separator: ", ")). Windows 11 and Windows Server 2025 \
            take nul.txt and con for files.
            """)
    var deviceNames = PathPolicy.DeviceNames.windows10

    @Option(
        help:
            "The filesystem that FormatVolume makes: \(FilesystemKind.allCases.map(\.rawValue).joined(separator: ", "))."
    )
    var filesystem = FilesystemKind.ext4

    @Option(help: "Whether shares are mounted only where their server encrypts what goes over the wire: true or false.")
    var requirePrivacy = true

    func settings(
        kubelet: String, drives: [Character: String], _ dialect: PathDialect, ignoresCase: Bool
    ) throws(StorageError) -> HostSettings {
        var settings = HostSettings(
            paths: try PathPolicy(
                roots: [kubelet] + workingDirs, drives: drives, dialect: dialect, ignoresCase: ignoresCase,
                deviceNames: deviceNames))
        settings.filesystem = filesystem
        settings.requiresSMBEncryption = requirePrivacy
        return settings
    }
}

extension PathPolicy.DeviceNames: ExpressibleByArgument {}
extension FilesystemKind: ExpressibleByArgument {}
