// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Testing

@Suite struct ISCSIValueTests {
    @Test(arguments: [
        ("127.0.0.1", UInt32(0), "127.0.0.1:3260"), ("Storage.example", 3261, "storage.example:3261"),
        ("::1", 0, "[::1]:3260"), ("[FE80::1]", 1, "[fe80::1]:1"), ("fe80::1%eth0", 65535, "[fe80::1%eth0]:65535"),
    ])
    func aPortalIsAnAddressAndAPort(_ address: String, _ port: UInt32, _ text: String) throws {
        let portal = try ISCSIPortal(address: address, port: port)
        #expect("\(portal)" == text)
        #expect(try ISCSIPortal(address: portal.address, port: UInt32(portal.port)) == portal)
    }

    @Test(arguments: [
        "", " ", "a b", "-h", "a..b", "a,1", "1:2", "[127.0.0.1]", "[::1", "::1]", "::g", "::1%", "a/b", "a\0b", "a\nb",
        "é",
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
