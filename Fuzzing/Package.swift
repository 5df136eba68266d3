// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// A package of its own because it takes unsafe flags. The module is linked in by its sources, not as a
/// dependency, so that nothing else is resolved and the sanitizer sees into it.
///
///     swift build -c release --sanitize=fuzzer
///     SWIFT_BACKTRACE=enable=no .build/release/fuzz-windows-path -max_total_time=120 corpus
let package = Package(
    name: "Fuzzing",
    targets: [
        .target(name: "WindowsPath", swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]),
        .executableTarget(
            name: "fuzz-windows-path",
            dependencies: ["WindowsPath"],
            swiftSettings: [
                .swiftLanguageMode(.v6), .treatAllWarnings(as: .error), .unsafeFlags(["-parse-as-library"]),
            ]
        ),
    ]
)
