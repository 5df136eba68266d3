// SPDX-License-Identifier: Apache-2.0

import HostStorage
import StorageAccess
import StorageVersions
import Testing

/// The policy's own comparisons, over a host that compares nothing: as one whose mounts change within the call.
@Suite struct AuthorizingHostTests {
    /// Every volume is on disk 1, and every path on that volume.
    private struct AnyHost: StorageHost {
        let volume: VolumeID
        let names: DiskIdentifiers

        func perform<Operation: HostOperation>(
            _ operation: Operation
        ) async throws(StorageError) -> Operation.Answer {
            let answers: [any Sendable] = [volume, DiskNumber(1), names, [DiskNumber(1): names]]
            guard let answer = answers.lazy.compactMap({ $0 as? Operation.Answer }).first else {
                throw StorageError(.unsupported, "\(operation)")
            }
            return answer
        }

        func confined(to confinement: CallConfinement) throws(StorageError) -> any StorageHost { self }
    }

    @Test func theVolumeAtAPathIsShownToThoseAloneWhoseRuleHasItsDisk() async throws {
        let paths = try PathPolicy(roots: ["/k"])
        let host = AnyHost(
            volume: try VolumeID(guid: "0cb99483-72d5-3641-a339-60348e6b3540"),
            names: DiskIdentifiers(page83: "naa.theirs", serialNumber: ""))
        for (pattern, isAllowed) in [("naa.theirs", true), ("naa.mine", false)] {
            let rules = [
                AccessRule(
                    name: "one", uids: [1], roots: paths, devices: [DevicePattern(page83: NamePattern(pattern))])
            ]
            let name = try method("v2alpha1.Volume/GetVolumeIDFromTargetPath")
            let authorizing = AuthorizingHost(
                host, for: Authorization(uid: 1, method: name, rules: rules), paths: paths)
            func expect(_ call: () async throws -> VolumeID) async throws {
                if isAllowed {
                    #expect(try await call() == host.volume)
                } else {
                    let error = await #expect(throws: StorageError.self) { _ = try await call() }
                    #expect(error?.code == .denied)
                }
            }
            try await expect { try await authorizing.volume(mountedAt: "/k/a") }
            try await expect { try await authorizing.volume(closestTo: "/k/a") }
        }
    }
}
