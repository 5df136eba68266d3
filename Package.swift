// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// Warnings are errors in our targets alone; a dependency's warnings are not ours to break on.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "HostStorage",
    products: [
        .library(name: "HostStorage", targets: ["HostStorage"]),
        .library(name: "HostStorageLinux", targets: ["HostStorageLinux"]),
        .library(name: "HostStorageTestKit", targets: ["HostStorageTestKit"]),
        .library(name: "HostStorageClient", targets: ["HostStorageClient"]),
        .library(name: "HostStorageAPI", targets: ["HostStorageAPI"]),
        .executable(name: "csi-proxy", targets: ["csi-proxy"]),
        .executable(name: "main-job", targets: ["main-job"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        // The wire: generated, so by rules of its own.
        .target(
            name: "HostStorageAPI", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            path: "api/Generated"
        ),
        // The proxy.
        .target(name: "StorageVersions", path: "service/Versions", swiftSettings: strict),
        .target(name: "CUnixSocket", path: "service/CUnixSocket"),
        .target(
            name: "CYamlEvents", path: "service/CYamlEvents", linkerSettings: [.linkedLibrary("yaml")]),
        .target(
            name: "StorageAccess", dependencies: ["CUnixSocket", "CYamlEvents", "HostStorage", "StorageVersions"],
            path: "service/Policy", swiftSettings: strict),
        .target(
            name: "StorageWire",
            dependencies: [
                "HostStorage", "HostStorageAPI", "StorageVersions",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            path: "service/Wire", swiftSettings: strict),
        // gRPC by itself: no storage and no messages.
        .target(
            name: "RPC",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "service/RPC", swiftSettings: strict),
        .target(
            name: "ProxyServer",
            dependencies: [
                "CUnixSocket", "HostStorage", "RPC", "StorageAccess", "StorageVersions", "StorageWire",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "service/Server",
            swiftSettings: strict
        ),
        .target(
            name: "ProxyMetrics",
            dependencies: [
                "HostStorage",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "service/Metrics",
            swiftSettings: strict
        ),
        .target(
            name: "HostStorageClient",
            dependencies: [
                "CUnixSocket", "HostStorage", "RPC", "StorageVersions", "StorageWire",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "service/Client",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "main-job",
            dependencies: [
                "HostStorage", "HostStorageClient", "HostStorageLinux",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Examples/main-job",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "csi-proxy",
            dependencies: [
                "HostStorage", "HostStorageLinux", "HostStorageTestKit", "ProxyMetrics", "ProxyServer",
                "StorageAccess",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "service/csi-proxy",
            swiftSettings: strict
        ),
        // Windows paths as values: depends on nothing.
        .target(name: "WindowsPath", swiftSettings: strict),
        .testTarget(
            name: "WindowsPathTests", dependencies: ["WindowsPath"],
            exclude: ["ntfs-upcase"],
            swiftSettings: strict
        ),
        // The library: no gRPC, no versions.
        .target(
            name: "HostStorage",
            dependencies: ["WindowsPath", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict
        ),
        .target(
            name: "HostStorageLinux",
            dependencies: [
                "HostStorage", "CLinuxStorage", "CLibBlkid", "CLibFdisk", "CLibMount", "CLibSystemd", "CLibUdev",
                "CLibUuid",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "HostStorageTestKit",
            dependencies: ["HostStorage", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict
        ),
        .target(name: "CLinuxStorage"),
        .systemLibrary(name: "CLibBlkid", pkgConfig: "blkid", providers: [.apt(["libblkid-dev"])]),
        .systemLibrary(name: "CLibFdisk", pkgConfig: "fdisk", providers: [.apt(["libfdisk-dev"])]),
        .systemLibrary(name: "CLibMount", pkgConfig: "mount", providers: [.apt(["libmount-dev"])]),
        .systemLibrary(name: "CLibSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .systemLibrary(name: "CLibUdev", pkgConfig: "libudev", providers: [.apt(["libudev-dev"])]),
        .systemLibrary(name: "CLibUuid", pkgConfig: "uuid", providers: [.apt(["uuid-dev"])]),
        // Tests.
        .target(name: "LoopDisks", dependencies: ["HostStorage"], path: "Tests/LoopDisks", swiftSettings: strict),
        .target(
            name: "FaultyDisk", dependencies: ["LoopDisks"], path: "Tests/FaultyDisk",
            exclude: ["faulty_disk.py", "faulty_file.py"],
            swiftSettings: strict
        ),
        .target(name: "SambaServer", dependencies: ["LoopDisks"], path: "Tests/SambaServer", swiftSettings: strict),
        .target(
            name: "SystemdContainer", dependencies: ["LoopDisks"], path: "Tests/SystemdContainer", exclude: ["start"],
            swiftSettings: strict),
        .target(
            name: "ISCSITargets", dependencies: ["HostStorage", "LoopDisks"], path: "Tests/ISCSITargets",
            swiftSettings: strict),
        .testTarget(
            name: "HostStorageLinuxTests",
            dependencies: [
                "Expectations", "FaultyDisk", "HostStorage", "HostStorageLinux", "ISCSITargets", "LoopDisks",
                "SambaServer",
                "SystemdContainer",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ProxyServerTests",
            dependencies: [
                "CUnixSocket", "Expectations", "HostStorage", "HostStorageAPI", "HostStorageClient",
                "HostStorageTestKit", "ProxyMetrics", "ProxyServer", "RPC", "StorageAccess", "StorageVersions",
                "StorageWire",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "RPCTests",
            dependencies: [
                "CUnixSocket", "Expectations", "RPC", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .target(name: "Expectations", dependencies: ["HostStorage"], path: "Tests/Expectations", swiftSettings: strict),
        .testTarget(
            name: "Conformance",
            dependencies: [
                "Expectations", "HostStorage", "HostStorageClient", "HostStorageLinux", "HostStorageTestKit",
                "ISCSITargets", "LoopDisks", "ProxyServer", "SambaServer", "StorageAccess", "StorageVersions",
                "StorageWire",
                "SystemdContainer",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "CrashTests",
            dependencies: [
                "csi-proxy", "Expectations", "HostStorage", "HostStorageClient", "LoopDisks", "StorageVersions",
            ],
            exclude: ["kill-switch.c"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ProxyMetricsTests",
            dependencies: [
                "Expectations", "HostStorage", "ProxyMetrics",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict
        ),
        .testTarget(name: "Architecture", swiftSettings: strict),
        .testTarget(
            name: "StorageWireTests",
            dependencies: ["Expectations", "HostStorage", "StorageVersions", "StorageWire"], swiftSettings: strict),
        .testTarget(
            name: "StorageAccessTests",
            dependencies: [
                "Expectations", "HostStorage", "HostStorageTestKit", "ProxyServer", "StorageAccess", "StorageVersions",
            ], swiftSettings: strict
        ),
        .testTarget(
            name: "HostStorageTestKitTests", dependencies: ["Expectations", "HostStorage", "HostStorageTestKit"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "HostStorageTests",
            dependencies: [
                "Expectations", "HostStorage", "HostStorageTestKit", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict
        ),
    ]
)
