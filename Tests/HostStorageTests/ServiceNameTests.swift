// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Testing

@Suite struct ServiceNameTests {
    @Test(arguments: [
        ("iscsid", "iscsid.service"), ("iscsid.service", "iscsid.service"), ("getty@tty1", "getty@tty1.service"),
        ("a.b", "a.b.service"), (#"dev-x\x2dy"#, #"dev-x\x2dy.service"#), ("service", "service.service"),
    ])
    func aNameIsAUnits(_ text: String, _ unit: String) throws {
        #expect(try ServiceName(text).unit == unit)
        #expect(try ServiceName(ServiceName(text).unit).unit == unit)
    }

    @Test(arguments: [
        "", ".service", "a b", "a/b", "../a", "a\0b", "a\nb", "é", "a\u{301}", "a*", "a;b", "-.mount", "x.socket",
        "x.target",
        "x.device", "getty@", "getty@.service", "@x", String(repeating: "a", count: 256),
    ])
    func whatIsNoServiceIsRefused(_ text: String) {
        expectError(.invalidArgument) { try ServiceName(text) }
    }

    @Test(arguments: [
        ("iscsid", "iscsid", true), ("iscsid", "iscsid2", false), ("iscsid", "xiscsid", false), ("a-*", "a-b", true),
        ("a-*", "a-", true), ("a-*", "b-a-", false), ("*-a", "b-a", true), ("*-a", "b-ab", false),
        ("a*b*c", "axbyc", true),
        ("a*b*c", "axcyb", false), ("a*a", "a", false), ("*", "anything", true), ("a-*.service", "a-b.service", true),
        ("kube*", "kubelet", true), ("kube", "kubelet", false),
    ])
    func aPatternNamesServices(_ pattern: String, _ name: String, _ isNamed: Bool) throws {
        #expect(try ServicePattern(pattern).matches(ServiceName(name)) == isNamed)
    }

    @Test(arguments: ["", "a b", "/", "[a]", "a?"]) func whatIsNoPatternIsRefused(_ text: String) {
        expectError(.invalidArgument, "pattern") { try ServicePattern(text) }
    }
}
