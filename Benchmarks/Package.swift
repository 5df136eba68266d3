// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// A package of its own, so that nothing else is resolved: the module is linked in by its sources.
///
///     swift run -c release path-benchmark
let package = Package(
    name: "Benchmarks",
    targets: [
        .target(name: "WindowsPath", swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]),
        .target(name: "CAllocationCount"),
        .executableTarget(
            name: "path-benchmark", dependencies: ["CAllocationCount", "WindowsPath"],
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]
        ),
    ]
)
