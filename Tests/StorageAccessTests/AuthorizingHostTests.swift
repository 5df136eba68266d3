// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageTestKit
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
        ) async throws(StorageError) -> Operation.Answer { try simulated(operation) }

        func answer<Operation: HostOperation>(
            atOnce operation: Operation
        ) throws(StorageError) -> Operation.Answer? { try simulated(operation) }

        private func simulated<Operation: HostOperation>(
            _ operation: Operation
        ) throws(StorageError) -> Operation.Answer {
            let answers: [any Sendable] = [volume, DiskNumber(1), names, [DiskNumber(1): names], ()]
            guard let answer = answers.lazy.compactMap({ $0 as? Operation.Answer }).first else {
                throw StorageError(.unsupported, "\(operation)")
            }
            return answer
        }

        func confined(to confinement: CallConfinement) throws(StorageError) -> any StorageHost { self }
    }

    /// Of what the host answers at once, the policy lets through what takes no look-up of its own.
    @Test func whatThePolicyLooksUpIsNotAnsweredAtOnce() throws {
        let paths = try PathPolicy(roots: ["/k"])
        let host = AnyHost(
            volume: try VolumeID(guid: "0cb99483-72d5-3641-a339-60348e6b3540"),
            names: DiskIdentifiers(page83: "naa.theirs", serialNumber: ""))
        func authorizing(_ rule: AccessRule) throws -> AuthorizingHost {
            let name = try method("v2alpha1.Volume/GetVolumeIDFromTargetPath")
            return AuthorizingHost(host, for: Authorization(uid: 1, method: name, rules: [rule]), paths: paths)
        }
        let question = VolumeMountedAt(path: CallerPath("/k/a"))
        let byPaths = try authorizing(AccessRule(name: "one", uids: [1], roots: paths))
        #expect(try byPaths.answer(atOnce: question) == host.volume)
        let byDisks = try authorizing(
            AccessRule(name: "one", uids: [1], devices: [DevicePattern(page83: NamePattern("naa.mine"))]))
        #expect(try byDisks.answer(atOnce: question) == nil)
        // A change has consequences, which are looked up.
        #expect(try byPaths.answer(atOnce: MakeDirectory(path: CallerPath("/k/a"))) == nil)
        // And what is not about paths has rules of the host.
        #expect(try byPaths.answer(atOnce: DiskOfVolume(volume: host.volume)) == nil)
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

    /// The others are named to callers alone that may look there.
    @Test func placesOfOthersThatHoldAVolumeAreNotNamed() async throws {
        let host = try MemoryHost(roots: ["/k"])
        let disk = try host.backend.attachDisk(size: 1 << 30, content: .gpt([PartitionContent(.filesystem(.ext4))]))
        let volume = try #require(try await host.volumes(on: disk, partition: nil).first)
        for name in ["/k/ours", "/k/ours/pod", "/k/theirs"] { try await host.makeDirectory(name) }
        let name = try method("v2.Volume/UnmountTarget")
        let paths = host.settings.paths
        for (roots, place) in [
            (["/k/ours"], "a place outside of the caller's directories"), (["/k"], "/k/theirs"),
        ] {
            try await host.mountVolume(volume, at: "/k/theirs")
            try await host.mountVolume(volume, at: "/k/ours/pod")
            let rule = AccessRule(name: "ours", uids: [1], roots: try PathPolicy(roots: roots))
            let authorizing = AuthorizingHost(
                host, for: Authorization(uid: 1, method: name, rules: [rule]), paths: paths)
            let done = try await authorizing.unmountTarget("/k/ours/pod")
            #expect(done.outcome == .stillHeld(by: [.mount(target: place, seenByProcess: nil)]))
        }
    }
}
