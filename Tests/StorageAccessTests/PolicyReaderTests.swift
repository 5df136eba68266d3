// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostStorage
import ProxyServer
import StorageAccess
import StorageVersions
import Testing

/// A policy file is read as written, or refused with the line.
@Suite struct PolicyReaderTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func theExampleIsAPolicy() throws {
        let file = Self.root.appending(path: "service/policy/example.yaml")
        let text = try Data(contentsOf: file)
        let policy = try AccessPolicy(yaml: Array(text), methods: .served, names: accounts)
        #expect(policy.rules.map(\.name) == ["example.com node plugin", "statistics"])
        #expect(policy.rules[0].roots?.roots.count == 2)
        #expect(policy.rules[0].devices?.count == 2)
        #expect(policy.rules[0].versions?.map(\.description).sorted() == ["v1", "v2alpha1"])
        #expect(policy.rules[1].methods?.count == 3 && policy.rules[1].services.isEmpty)
        let stats = try method("v1.Volume/GetVolumeStats")
        #expect(
            policy.decide(Caller(uid: 7001, gids: []), stats, []) == .allowed(rule: "statistics"))
    }

    @Test func everythingIsAllWhereItIsLeftOut() throws {
        let left = try policy(ruleWith: "")
        let said = try policy(ruleWith: "versions: all\n    methods: all\n    roots: all\n    devices: all")
        for policy in [left, said] {
            let rule = try #require(policy.rules.first)
            #expect(rule.versions == nil && rule.methods == nil && rule.roots == nil && rule.devices == nil)
            #expect(rule.groups == nil && rule.services.isEmpty)
        }
    }

    @Test(arguments: [
        ("", "line 1: the file holds nothing"),
        ("# only a comment\n", "line 2: the file holds nothing"),
        ("rules: []", "line 1: a policy needs policy"),
        ("policy: 1", "line 1: a policy needs rules"),
        ("policy: 2\nrules: []", "line 1: this program reads policies of version 1"),
        ("policy: 1\nrules:", "line 2: rules are a list; [] for none"),
        ("policy: 1\nrules: {}", "line 2: rules are a list; [] for none"),
        ("- policy", "line 1: a policy is made of policy, rules"),
        ("policy: 1\nrules: []\nrule: []", #"line 3: a policy has no "rule""#),
        ("policy: 1\nrules: []\npolicy: 1", #"line 3: "policy" stands on line 1 already"#),
        ("policy: 1\nrules: []\n---\npolicy: 1\nrules: []", "line 3: a second document begins here"),
        (
            "policy: 1\nrules: [a]",
            "line 2: a rule is made of callers, devices, groups, methods, name, roots, services, versions"
        ),
        ("policy: 1\nrules: [[[[[[[[[[]]]]]]]]]]", "line 2: lists within lists go too deep"),
        ("policy: 1\nrules: &a []", "line 2: anchors are not taken here"),
        ("policy: &a 1\nrules: []", "line 1: anchors are not taken here"),
        ("policy: &a 1\nrules: [*a]", "line 1: anchors are not taken here"),
        ("policy: !!int 1\nrules: []", "line 1: tags are not taken here"),
        ("policy: 1\nrules: *a", "line 2: aliases are not taken here; write a name with * in quotes"),
        ("? [policy]\n: 1", "line 1: a key is a single word"),
        ("policy: 1\nrules: [\"a\\0b\"]", "line 2: the text holds a NUL"),
        ("policy: 1\n\u{1}", "line 2: control characters are not allowed"),
        ("policy: 1\nrules: [", "line 3: did not find expected node content"),
        ("policy: 1\n\trules: []", "line 2: found a tab character that violates indentation"),
    ])
    func whatIsNoPolicyIsRefusedWithItsLine(_ text: String, _ fault: String) {
        #expect(faults(in: text) == [fault])
    }

    @Test(arguments: [
        ("name: two", #"line 6: "name" stands on line 3 already"#),
        ("method: [MountVolume]", #"line 6: a rule has no "method""#),
        ("versions: [v7]", #"line 6: none of the rule's groups has a version "v7""#),
        ("versions: []", "line 6: a rule with no versions allows nothing"),
        ("versions: v1", "line 6: versions are a list"),
        ("methods: [MountVolum]", #"line 6: no method of the rule's groups and versions is called "MountVolum""#),
        ("methods: [[MountVolume]]", "line 6: a method is a word"),
        ("methods: [\"\"]", "line 6: a method is a word"),
        (
            "methods:\n      - MountVolume\n      - \"Nothing*\"",
            #"line 8: no method of the rule's groups and versions is called "Nothing*""#
        ),
        (
            "versions: [v1]\n    methods: [DismountVolume]",
            #"line 7: no method of the rule's groups and versions is called "DismountVolume""#
        ),
        ("roots: [relative]", #"line 6: a root is an absolute path of the host, not "relative""#),
        ("roots: [\"C:\\\\x\"]", #"line 6: a root is an absolute path of the host, not "C:\\x""#),
        ("roots: [/]", #"line 6: the root directory "/" is the whole host"#),
        ("roots: [/a/../b]", "line 6: path contains invalid characters: /a/../b"),
        ("roots: []", "line 6: a rule with no roots allows nothing"),
        ("roots: /a", "line 6: roots are a list"),
        ("devices: [{}]", "line 6: one of page83, serial is needed"),
        ("devices: [{number: 3}]", #"line 6: a device has no "number""#),
        ("devices: [loop0]", "line 6: a device is made of page83, serial"),
        ("devices: [{page83: }]", "line 6: page83 is a word"),
        ("services: []", "line 6: a rule with no services allows nothing"),
        ("services: all", "line 6: services are a list"),
    ])
    func aRuleWithAFaultIsRefusedWithItsLine(_ fields: String, _ fault: String) {
        // A list of no item has a second fault in some cases; the first is the one.
        #expect(faults(inRuleWith: fields).first == fault)
    }

    @Test(arguments: [
        ("[1001]", "callers is made of gids, uids"), ("{}", "one of gids, uids is needed"),
        ("{uids: 0}", "uids are a list"), ("{uids: []}", "a rule with no uids allows nothing"),
        ("{uid: [0]}", #"callers has no "uid""#), ("{uids: [bob]}", #""bob" is the name of no uid of this host"#),
        ("{gids: [alice]}", #""alice" is the name of no gid of this host"#),
        ("{uids: [-1]}", #""-1" is the name of no uid of this host"#),
        ("{uids: [4294967295]}", #""4294967295" is no uid"#), ("{uids: [4294967296]}", #""4294967296" is no uid"#),
        ("{uids: [010]}", #""010" is no uid"#), ("{uids: [\"\"]}", "a uid is a word"),
        ("{uids: [65534]}", "65534 stands for every user of another user namespace, so it names no single one"),
        ("{gids: [65534]}", "65534 stands for every user of another user namespace, so it names no single one"),
    ])
    func callersThatAreNoneAreRefused(_ callers: String, _ fault: String) {
        #expect(
            faults(in: "policy: 1\nrules:\n- {name: a, callers: \(callers), groups: all}") == ["line 3: \(fault)"])
    }

    @Test func aRuleNeedsANameCallersAndGroups() {
        #expect(
            faults(in: "policy: 1\nrules:\n- {}") == [
                "line 3: a rule needs callers", "line 3: a rule needs groups", "line 3: a rule needs name",
            ])
        #expect(
            faults(in: "policy: 1\nrules:\n- {name: , callers: {uids: [0]}, groups: all}") == [
                "line 3: the name is a word"
            ])
        let twins =
            "policy: 1\nrules:\n- {name: a, callers: {uids: [0]}, groups: all}\n- {name: a, callers: {uids: [1]}, groups: all}"
        #expect(faults(in: twins) == [#"line 4: two rules are called "a""#])
        #expect(
            faults(in: "policy: 1\nrules:\n- {name: a, callers: {uids: [0]}, groups: [disks]}").first
                == #"line 3: "disks" is no group; there are disk, volume, filesystem, smb, system, iscsi"#)
    }

    @Test func allFaultsAreReportedAtOnce() {
        let found = faults(inRuleWith: "method: all\n    roots: [x, /]\n    devices: [{number: 1}]")
        #expect(found.map { $0.prefix(7) } == ["line 6:", "line 7:", "line 7:", "line 8:"])
    }

    @Test func aFileThatIsTooLongIsRefusedUnread() {
        let long = "policy: 1\nrules: []\n" + String(repeating: "#", count: AccessPolicy.maximumFileSize)
        #expect(faults(in: long) == ["the file is longer than 65536 bytes"])
    }

    @Test func textThatIsNoUTF8IsRefused() {
        #expect(throws: PolicyFaults.self) {
            try AccessPolicy(
                yaml: Array("policy: 1\nrules: []\n# ".utf8) + [0xC3, 0x28], methods: .served, names: accounts)
        }
    }
}
