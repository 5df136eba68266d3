// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

@Suite struct SerialNumberTests {
    private static func read(_ text: String?) throws -> String {
        let scratch = try ScratchDirectory()
        try text?.write(toFile: "\(scratch.path)/product_serial", atomically: false, encoding: .utf8)
        return try SerialNumber.read(from: scratch.path)
    }

    @Test(arguments: [
        ("VMware-42 02 e9 7c\n", "VMware-42 02 e9 7c"), ("ABC", "ABC"), (" AB \n", " AB "),
        ("Default string\n", "Default string"),
    ])
    func itIsAsTheFirmwareSpellsIt(_ text: String, _ number: String) throws {
        #expect(try Self.read(text) == number)
    }

    @Test(arguments: [nil, "", "\n", "   \n"]) func noneIsUnsupported(_ text: String?) {
        expectError(.unsupported, "firmware") { try Self.read(text) }
    }
}
