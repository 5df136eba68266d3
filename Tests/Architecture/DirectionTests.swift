// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Which modules may import which: the core imports no other, backends and the proxy import the core, and only programs
/// import both sides.
@Suite struct DirectionTests {
    /// Our own modules that each of our modules may import.
    static let ownImports: [String: Set<String>] = [
        "WindowsPath": [],
        "HostStorage": ["WindowsPath"],
        "HostStorageLinux": [
            "HostStorage", "CLinuxStorage", "CLibBlkid", "CLibFdisk", "CLibMount", "CLibSystemd", "CLibUdev",
            "CLibUuid",
        ],
        "HostStorageTestKit": ["HostStorage"],
        "HostStorageAPI": [],
        "StorageVersions": [],
        "StorageAccess": ["CUnixSocket", "CYamlEvents", "HostStorage", "StorageVersions"],
        "StorageWire": ["HostStorage", "HostStorageAPI", "StorageVersions"],
        "ProxyServer": ["CUnixSocket", "HostStorage", "RPC", "StorageAccess", "StorageVersions", "StorageWire"],
        "RPC": [],
        "ProxyMetrics": ["HostStorage"],
        "HostStorageClient": ["CUnixSocket", "HostStorage", "RPC", "StorageVersions", "StorageWire"],
        "csi-proxy": [
            "HostStorage", "HostStorageLinux", "HostStorageTestKit", "HostStorageClient", "ProxyMetrics",
            "ProxyServer", "StorageAccess", "StorageVersions",
        ],
        "main-job": ["HostStorage", "HostStorageLinux", "HostStorageClient"],
    ]

    /// Modules of others that each module of the library may import; the proxy may import any.
    static let foreignImports: [String: Set<String>] = [
        "WindowsPath": [],
        "HostStorage": ["Logging", "Synchronization"],
        "HostStorageTestKit": ["Logging", "Synchronization"],
        "HostStorageLinux": ["Dispatch", "Glibc", "Logging", "Subprocess", "Synchronization", "SystemPackage"],
        "StorageAccess": ["Glibc", "Synchronization"],
        "StorageWire": ["SwiftProtobuf", "FoundationEssentials"],
        "StorageVersions": [],
        "RPC": ["Glibc", "NIOCore", "NIOPosix"],
    ]

    struct Target: Sendable {
        var name: String
        var kind: String
        var path: String
        var dependencies: Set<String>
    }

    /// The targets as the manifest has them, read once for all tests.
    static func targets() throws -> [Target] { try manifest.get() }

    private static let manifest = Result { try read() }

    /// Apart from the build directory, which `swift test` holds.
    private static func read() throws -> [Target] {
        let scratch = FileManager.default.temporaryDirectory.appending(path: "architecture-\(UUID())")
        defer { try? FileManager.default.removeItem(at: scratch) }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "swift", "package", "--package-path", WorkingTree.root.path, "--scratch-path", scratch.path, "dump-package",
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let manifest = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        return try #require(manifest["targets"] as? [[String: Any]]).map { target in
            let name = try #require(target["name"] as? String)
            let kind = try #require(target["type"] as? String)
            // {"byName": ["X", null]}, {"target": ["X", null]} or {"product": ["X", "package", …]}
            let dependencies = try #require(target["dependencies"] as? [[String: Any]])
                .flatMap { $0.values.compactMap { ($0 as? [Any])?.first as? String } }
            let directory = kind == "test" ? "Tests" : "Sources"
            return Target(
                name: name, kind: kind, path: target["path"] as? String ?? "\(directory)/\(name)",
                dependencies: Set(dependencies))
        }
    }

    @Test func noTargetDependsOnWhatItMayNotImport() throws {
        let targets = try Self.targets()
        let ours = Set(targets.map(\.name))
        #expect(ours.isSuperset(of: ["HostStorage", "HostStorageLinux", "HostStorageTestKit", "ProxyServer"]))
        for target in targets where ["regular", "executable"].contains(target.kind) && !target.path.hasPrefix("Tests/")
        {
            if target.name.hasPrefix("C"), target.name.dropFirst().first?.isUppercase == true {
                #expect(target.dependencies.isEmpty, "\(target.name) is a map of C and imports nothing")
                continue
            }
            let allowed = try #require(Self.ownImports[target.name], "list in the test what \(target.name) may import")
            let excess = target.dependencies.intersection(ours).subtracting(allowed)
            #expect(excess.isEmpty, "\(target.name) may not import \(excess.sorted())")
            if let foreign = Self.foreignImports[target.name] {
                let excess = target.dependencies.subtracting(ours).subtracting(foreign)
                #expect(excess.isEmpty, "\(target.name) may not import \(excess.sorted())")
            }
        }
        for target in targets where !["test"].contains(target.kind) && !target.path.hasPrefix("Tests/") {
            #expect(
                target.dependencies.isDisjoint(with: targets.filter { $0.path.hasPrefix("Tests/") }.map(\.name)),
                "\(target.name) depends on a test")
        }
    }

    @Test func noFileImportsWhatItsModuleMayNot() throws {
        let targets = try Self.targets()
        let ours = Set(targets.map(\.name))
        for target in targets {
            guard let allowed = Self.ownImports[target.name] else { continue }
            let files = WorkingTree.swiftFiles.filter { $0.isIn(target.path) }
            #expect(!files.isEmpty, "\(target.path) holds no Swift file")
            for file in files {
                var excess = file.imports.intersection(ours).subtracting(allowed)
                if let foreign = Self.foreignImports[target.name] {
                    excess.formUnion(file.imports.subtracting(ours).subtracting(foreign))
                }
                #expect(excess.isEmpty, "\(file.path) imports \(excess.sorted())")
            }
        }
    }

    @Test func cIsForTheBackendAndTheSocketsAlone() {
        for file in WorkingTree.swiftFiles {
            for module in file.imports where module.hasPrefix("CLib") || module == "CLinuxStorage" {
                #expect(file.isIn("Sources/HostStorageLinux", "Tests/HostStorageLinuxTests"), "\(file.path): \(module)")
            }
            if file.imports.contains("CYamlEvents") {
                #expect(file.isIn("service/Policy"), "\(file.path): CYamlEvents")
            }
            if file.imports.contains("CUnixSocket") {
                #expect(
                    file.isIn(
                        "service/Policy", "service/Server", "service/Client", "Tests/ProxyServerTests", "Tests/RPCTests"
                    ),
                    "\(file.path): CUnixSocket")
            }
        }
    }

    @Test func theWireIsForTheProxyAndItsClientAlone() {
        let wire = ["RPC", "NIO", "SwiftProtobuf", "HostStorageAPI"]
        for file in WorkingTree.swiftFiles where file.isIn("Sources", "Examples") {
            let found = file.imports.filter { module in wire.contains { module.hasPrefix($0) } }
            #expect(found.isEmpty, "\(file.path) imports \(found.sorted())")
        }
    }
}
