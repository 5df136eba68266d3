// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// As in the package itself, so that the same sources mean the same here.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let fuzzer: [SwiftSetting] = strict + [.unsafeFlags(["-parse-as-library"])]

/// A package of its own because it takes unsafe flags. Our modules are linked in by their sources, not as a
/// dependency, so that the sanitizer and the fuzzers see into them.
///
///     swift build -c release --sanitize=fuzzer --product fuzz-policy
///     SWIFT_BACKTRACE=enable=no .build/release/fuzz-policy -max_total_time=120 corpus
let package = Package(
    name: "Fuzzing",
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // The fuzzers.
        .executableTarget(name: "fuzz-windows-path", dependencies: ["WindowsPath"], swiftSettings: fuzzer),
        .executableTarget(
            name: "fuzz-policy", dependencies: ["HostStorage", "StorageAccess", "StorageVersions"],
            swiftSettings: fuzzer),
        .executableTarget(
            name: "fuzz-wire",
            dependencies: [
                "HostStorage", "HostStorageTestKit", "ProxyServer", "RPC", "StorageAccess",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: fuzzer),
        .executableTarget(
            name: "fuzz-rpc",
            dependencies: [
                "RPC", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            swiftSettings: fuzzer),
        // The code under test.
        .target(name: "WindowsPath", swiftSettings: strict),
        .target(
            name: "HostStorage", dependencies: ["WindowsPath", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict),
        .target(
            name: "HostStorageTestKit", dependencies: ["HostStorage", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict),
        .target(
            name: "HostStorageAPI", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")]),
        .target(name: "StorageVersions", swiftSettings: strict),
        .target(name: "CUnixSocket"),
        .target(name: "CYamlEvents", linkerSettings: [.linkedLibrary("yaml")]),
        .target(
            name: "StorageAccess", dependencies: ["CUnixSocket", "CYamlEvents", "HostStorage", "StorageVersions"],
            swiftSettings: strict),
        .target(
            name: "StorageWire",
            dependencies: [
                "HostStorage", "HostStorageAPI", "StorageVersions",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: strict),
        .target(
            name: "RPC",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict),
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
            swiftSettings: strict),
    ]
)
