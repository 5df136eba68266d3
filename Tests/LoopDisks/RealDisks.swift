// SPDX-License-Identifier: Apache-2.0

import Foundation
public import Testing

/// The preconditions of a test on real disks: root, in a mount namespace of its own, so that nothing it mounts outlives
/// it. `make test` gives both.
public enum RealDisks {
    public static let areAvailable: Bool = {
        let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/mnt")
        let first = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/1/ns/mnt")
        return geteuid() == 0 && own != first
    }()

    public static func require() throws {
        guard areAvailable else {
            throw CommandFailed("real disks take root in a mount namespace of its own: make test")
        }
    }

    /// Whether a missing precondition is a failure, not a skip.
    public static let areRequired: Bool = {
        let environment = ProcessInfo.processInfo.environment
        return environment["CI"] != nil || environment["HOST_STORAGE_REQUIRE_ALL"] != nil
    }()
}

extension Trait where Self == ConditionTrait {
    /// Skips a test where there are no real disks; with CI set, it runs and fails.
    public static var realDisks: Self {
        .enabled(
            if: RealDisks.areAvailable || RealDisks.areRequired,
            "real disks take root in a mount namespace of its own: make test")
    }
}
