// SPDX-License-Identifier: Apache-2.0

import HostStorage
import ProxyServer
import StorageAccess
import StorageVersions
import Testing

/// The decisions of a policy.
@Suite struct AccessPolicyTests {
    private static let alice = Caller(uid: 1001, gids: [1001])
    private static let mount = "v1.Volume/MountVolume"

    private static func isAllowed(
        _ policy: AccessPolicy, _ caller: Caller = alice, _ name: String = mount, _ subjects: [RuleSubject] = []
    ) throws -> Bool {
        if case .allowed = policy.decide(caller, try method(name), subjects) { true } else { false }
    }

    @Test func theDefaultIsForRootAndTheSocketsGroup() throws {
        let policy = AccessPolicy.standard(socketGroup: 7000)
        for caller in [
            Caller(uid: 0, gids: []), Caller(uid: 1001, gids: [7000]), Caller(uid: 1001, gids: [5, 7000, 9]),
        ] {
            for name in MethodCatalogue.served { #expect(try Self.isAllowed(policy, caller, "\(name)")) }
            #expect(
                try Self.isAllowed(
                    policy, caller, Self.mount, [.path("/any"), .disk(.init(page83: "", serialNumber: ""))]))
        }
        for caller in [
            Caller(uid: 1001, gids: [0]), Caller(uid: 7000, gids: [1001]), Caller(uid: 65534, gids: [65534]),
        ] {
            for name in MethodCatalogue.served { #expect(try !Self.isAllowed(policy, caller, "\(name)")) }
            #expect(!policy.admits(caller, to: .disk, try method("v1.Disk/Rescan").version))
        }
    }

    /// S9: a rule opens the services that it names; without a policy file the host alone decides.
    @Test func s9ServicesAreRefusedUnlessNamed() throws {
        let root = Caller(uid: 0, gids: [0])
        #expect(try Self.isAllowed(.standard(socketGroup: 0), root, Self.mount, [RuleSubject("service=iscsid")]))
        let silent = try policy(ruleWith: "")
        #expect(try !Self.isAllowed(silent, Self.alice, Self.mount, [RuleSubject("service=iscsid")]))
        let named = try policy(ruleWith: "services: [iscsid, \"nfs-*\"]")
        #expect(try Self.isAllowed(named, Self.alice, Self.mount, [RuleSubject("service=iscsid")]))
        #expect(try Self.isAllowed(named, Self.alice, Self.mount, [RuleSubject("service=nfs-mountd")]))
        #expect(try !Self.isAllowed(named, Self.alice, Self.mount, [RuleSubject("service=sshd")]))
        #expect(try !Self.isAllowed(named, Self.alice, Self.mount, [RuleSubject("service=iscsid.evil")]))
    }

    @Test func groupsVersionsAndMethodsAreNarrowed() throws {
        let policy = try policy(
            """
            policy: 1
            rules:
              - {name: one, callers: {uids: [1001]}, groups: [volume], versions: [v1, v1beta3], methods: ["Get*", MountVolume]}
            """)
        #expect(try Self.isAllowed(policy, Self.alice, "v1.Volume/MountVolume"))
        #expect(try Self.isAllowed(policy, Self.alice, "v1beta3.Volume/GetVolumeStats"))
        #expect(try !Self.isAllowed(policy, Self.alice, "v1.Volume/FormatVolume"))
        #expect(try !Self.isAllowed(policy, Self.alice, "v2alpha1.Volume/MountVolume"))
        #expect(try !Self.isAllowed(policy, Self.alice, "v1.Disk/GetDiskStats"))
        let volume = try method("v1.Volume/MountVolume").version
        #expect(policy.admits(Self.alice, to: .volume, volume))
        #expect(!policy.admits(Self.alice, to: .disk, volume))
        #expect(!policy.admits(Self.alice, to: .volume, try method("v2alpha1.Volume/MountVolume").version))
    }

    @Test func usersAndAllOfTheirGroupsAreCompared() throws {
        let policy = try policy(
            """
            policy: 1
            rules:
              - {name: one, callers: {uids: [alice, 3], gids: [csi, 12]}, groups: all}
            """)
        for caller in [
            Self.alice, Caller(uid: 3, gids: [3]), Caller(uid: 9, gids: [7000]), Caller(uid: 9, gids: [9, 12]),
        ] { #expect(try Self.isAllowed(policy, caller)) }
        for caller in [Caller(uid: 0, gids: [0]), Caller(uid: 12, gids: [1001]), Caller(uid: 7000, gids: [3])] {
            #expect(try !Self.isAllowed(policy, caller))
        }
    }

    /// S6: name by name, so that a twin of the name does not pass.
    @Test(arguments: [
        ("/a/b", true), ("/a/b/c", true), ("/a/b/c/../d", false), ("/a/bc", false), ("/a/b-evil/c", false),
        ("/a", false),
        ("/", false), ("/A/b", false), ("/a/b/../../etc", false), ("relative", false), ("", false), ("//a/b", false),
        ("/a//b/c", true), ("/x/a/b", false),
    ])
    func s6PathsLieBeneathARoot(_ path: String, _ isBeneath: Bool) throws {
        let policy = try policy(ruleWith: "roots: [/a/b, /srv/x/]")
        #expect(try Self.isAllowed(policy, Self.alice, Self.mount, [.path(path)]) == isBeneath)
    }

    @Test func disksAreDistinguishedByTheirNames() throws {
        let policy = try policy(ruleWith: "devices: [{page83: \"naa.5*\"}, {page83: \"loop-*\", serial: mine}]")
        func isAllowed(_ page83: String, _ serial: String) throws -> Bool {
            try Self.isAllowed(
                policy, Self.alice, Self.mount, [.disk(DiskIdentifiers(page83: page83, serialNumber: serial))])
        }
        #expect(try isAllowed("naa.51", "whatever"))
        #expect(try isAllowed("loop-7:1-4", "mine"))
        #expect(try !isAllowed("loop-7:1-4", "other"))
        #expect(try !isAllowed("naa.6", "mine"))
        #expect(try !isAllowed("", ""))
    }

    /// The root of one rule and the disk of another make no permission.
    @Test func oneRuleHasToAllowAll() throws {
        let policy = try policy(
            """
            policy: 1
            rules:
              - {name: a, callers: {uids: [1001]}, groups: all, roots: [/a], devices: [{serial: A}]}
              - {name: b, callers: {uids: [1001]}, groups: all, roots: [/b], devices: [{serial: B}]}
            """)
        func decide(_ path: String, _ serial: String) throws -> Decision {
            policy.decide(
                Self.alice, try method(Self.mount),
                [.path(path), .disk(DiskIdentifiers(page83: "", serialNumber: serial))])
        }
        #expect(try decide("/a/x", "A") == .allowed(rule: "a"))
        #expect(try decide("/b/x", "B") == .allowed(rule: "b"))
        #expect(try decide("/a/x", "B") == .refused(#"outside of what rules "a", "b" allow"#))
        #expect(try decide("/b/x", "A") != .allowed(rule: "b"))
    }

    @Test func whatNoRuleAllowsIsRefusedAndSaysWhy() throws {
        let empty = try policy("policy: 1\nrules: []")
        #expect(try !Self.isAllowed(empty, Caller(uid: 0, gids: [0])))
        let one = try policy(ruleWith: "methods: [MountVolume]\n    roots: [/a]")
        let mount = try method(Self.mount)
        #expect(one.decide(Caller(uid: 5, gids: [6]), mount, []) == .refused("no rule is for uid 5 of gid 6"))
        #expect(
            one.decide(Self.alice, try method("v1.Volume/FormatVolume"), [])
                == .refused("no rule for the caller has the method"))
        #expect(one.decide(Self.alice, mount, [.path("/b")]) == .refused(#"outside of what rule "one" allows"#))
    }

    @Test func theExplanationNamesEveryCallerAndLimit() throws {
        let text = try policy(
            """
            policy: 1
            rules:
              - {name: a, callers: {uids: [1001], gids: [7000]}, groups: [disk, volume], versions: [v1], methods: ["Get*"],
                 roots: [/a, /b], devices: [{page83: "naa.*"}, {page83: x, serial: y}], services: [iscsid]}
              - {name: b, callers: {uids: [1001]}, groups: all}
            """
        ).explanation
        #expect(
            text == """
                User 1001 may call Get* of disk and volume in v1, beneath /a and /b, on disks with page 83 "naa.*", or \
                with page 83 "x" and serial number "y", controlling the services iscsid.service (rule "a").
                User 1001 may call every method of every group in every version, beneath the host's roots, on every \
                disk, controlling no service of the system (rule "b").

                Members of group 7000 may call Get* of disk and volume in v1, beneath /a and /b, on disks with page 83 \
                "naa.*", or with page 83 "x" and serial number "y", controlling the services iscsid.service (rule "a").

                All other callers may do nothing.
                """)
        #expect(try policy("policy: 1\nrules: []").explanation == "No caller may do anything.")
    }
}
