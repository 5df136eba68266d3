// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Testing

@Suite struct ISCSIValueTests {
    @Test(arguments: [
        ("127.0.0.1", UInt32(0), "127.0.0.1:3260"), ("Storage.example", 3261, "storage.example:3261"),
        ("::1", 0, "[::1]:3260"), ("[FE80::1]", 1, "[fe80::1]:1"), ("fe80::1%eth0", 65535, "[fe80::1%eth0]:65535"),
        ("::ffff:10.0.0.1", 0, "[::ffff:10.0.0.1]:3260"), ("1:2:3:4:5:6:7:8", 0, "[1:2:3:4:5:6:7:8]:3260"),
        ("10.0.0.255", 0, "10.0.0.255:3260"), ("a_b-c.1x", 0, "a_b-c.1x:3260"),
    ])
    func aPortalIsAnAddressAndAPort(_ address: String, _ port: UInt32, _ text: String) throws {
        let portal = try ISCSIPortal(address: address, port: port)
        #expect("\(portal)" == text)
        #expect(try ISCSIPortal(address: portal.address, port: UInt32(portal.port)) == portal)
    }

    @Test(arguments: [
        "", " ", "a b", "-h", "a..b", "a,1", "1:2", "[127.0.0.1]", "[::1", "::1]", "::g", "::1%", "a/b", "a\0b", "a\nb",
        "é", ":::::", "::1::2", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::1", "1::256.1.1.1", "1::1.2.3",
        "::1%a b",
        "::1%" + String(repeating: "e", count: 16), "999.1.1.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "12345", "a-",
        "a.-b",
        String(repeating: "a", count: 64) + ".b", "$(x)", "a;b", "a`b", "a'b", "１.2.3.4", "-oX", "a\u{202e}b",
        String(repeating: "a", count: 254),
    ])
    func whatIsNoAddressIsRefused(_ address: String) {
        expectError(.invalidArgument, "address") { try ISCSIPortal(address: address) }
    }

    @Test(arguments: [UInt32(65536), 65536 + 3260, .max]) func aPortIsNotTruncated(_ port: UInt32) {
        expectError(.invalidArgument, "TCP port") { try ISCSIPortal(address: "target", port: port) }
    }

    @Test func aTargetHasAName() throws {
        for text in ["iqn.2001-04.com.example:storage.a_b", "eui.02004567A425678D", "naa.52004567BA64678D"] {
            #expect("\(try ISCSIName(text))" == text)
        }
        for text in [
            "", "iqn.", "storage", "iqn.a b", "iqn.a/b", "iqn.a\nb", "iqn." + String(repeating: "a", count: 220),
        ] {
            expectError(.invalidArgument) { try ISCSIName(text) }
        }
    }

    @Test func chapHasANameAndASecret() throws {
        let secret = try Secret("secret")
        for name in ["", "a\nb", String(repeating: "a", count: 256)] {
            expectError(.invalidArgument, "CHAP name") { try CHAP(name: name, secret: secret) }
        }
        for text in ["", String(repeating: "a", count: 256)] {
            let secret = try Secret(text)
            expectError(.invalidArgument, "CHAP secret") { try CHAP(name: "a", secret: secret) }
        }
    }
}
