// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HostStorageLinux

/// The few messages with which a target is asked for its CHAP name.
@Suite struct MutualCHAPNameProbeTests {
    /// RFC 1321, A.5.
    @Test(arguments: [
        ("", "0xd41d8cd98f00b204e9800998ecf8427e"), ("abc", "0x900150983cd24fb0d6963f7d28e17f72"),
        ("message digest", "0xf96b697d7cb7938d525a2f31aaf161d0"),
        (
            "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
            "0x57edf4a22be3c955ac49da2e2107b67a"
        ),
    ])
    func digestsAreThoseOfTheStandard(_ text: String, _ digest: String) {
        #expect(LoginMessage.hexadecimal(MD5.digest(Array(text.utf8))) == digest)
    }

    @Test func binaryValuesAreHexadecimalOrBase64() {
        #expect(LoginMessage.bytes("0x0a1B") == [0x0A, 0x1B])
        #expect(LoginMessage.bytes("0Xabc") == [0x0A, 0xBC])
        #expect(LoginMessage.bytes("0bCh8=") == [0x0A, 0x1F])
        #expect(LoginMessage.bytes("0bAAEC") == [0, 1, 2])
        for text in ["", "0x", "0b", "0a1b", "12", "0xfg", "0b!!"] {
            #expect(LoginMessage.bytes(text) == nil, "\(text)")
        }
        #expect(LoginMessage.hexadecimal([0, 15, 255]) == "0x000fff")
    }

    @Test func aRequestIsLaidOutAsTheStandardSays() {
        let message = LoginMessage([("CHAP_A", "5")], endsSecurityStage: true)
        let bytes = message.request(session: [0x80, 1, 2, 3, 4, 5], expected: 0x0102_0304)
        #expect(bytes.count == 48 + 12)
        #expect(bytes[0] == 0x43 && bytes[1] == 0x81 && Array(bytes[4...7]) == [0, 0, 0, 9])
        #expect(Array(bytes[8...15]) == [0x80, 1, 2, 3, 4, 5, 0, 0])
        #expect(Array(bytes[28...31]) == [1, 2, 3, 4])
        #expect(Array(bytes[48...]) == Array("CHAP_A=5".utf8) + [0, 0, 0, 0])
        #expect(LoginMessage([]).request(session: [0, 0, 0, 0, 0, 0], expected: 0)[1] == 0)
    }

    @Test func anAnswerIsReadAndNothingElseIs() throws {
        var header = [UInt8](repeating: 0, count: 48)
        header[0] = 0x23
        header.replaceSubrange(5...7, with: [0, 1, 2])
        header.replaceSubrange(24...27, with: [0, 0, 1, 0])
        header.replaceSubrange(36...37, with: [2, 1])
        let response = try #require(LoginMessage.Response(header: header))
        #expect(response.status == 0x0201 && response.number == 256 && response.dataSize == 258)
        header[0] = 0x3F
        #expect(LoginMessage.Response(header: header) == nil)
        #expect(LoginMessage.Response(header: []) == nil)
        let texts = LoginMessage(data: Array("CHAP_N=a=b\0\0CHAP_R\0CHAP_C=0x1\0".utf8))
        #expect(texts["CHAP_N"] == "a=b" && texts["CHAP_C"] == "0x1" && texts["CHAP_R"] == nil)
    }
}
