// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// A package of its own, that uses the products as a program of others does.
let package = Package(
    name: "OperationsBenchmark",
    dependencies: [
        .package(name: "HostStorage", path: "../.."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .executableTarget(
            name: "linked-or-proxied",
            dependencies: [
                .product(name: "HostStorageClient", package: "HostStorage"),
                .product(name: "HostStorageLinux", package: "HostStorage"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: [
                .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"), .treatAllWarnings(as: .error),
            ])
    ]
)
