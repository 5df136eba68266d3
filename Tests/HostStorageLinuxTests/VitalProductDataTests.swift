// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HostStorageLinux

/// Pages 83 and 80 as disks send them (SPC-5, 7.7).
@Suite struct VitalProductDataTests {
    static func page(_ designators: [UInt8]...) -> [UInt8] {
        let body = designators.flatMap { $0 }
        return [0, 0x83, UInt8(body.count >> 8), UInt8(body.count & 0xFF)] + body
    }
    /// Code set, association and type, bytes.
    static func designator(_ codeSet: UInt8, _ association: UInt8, _ type: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        [codeSet, association << 4 | type, 0, UInt8(bytes.count)] + bytes
    }

    @Test func binaryDesignatorsAreLowerCaseHexadecimal() {
        let page = Self.page(Self.designator(1, 0, 3, [0x60, 0x0A, 0x0B, 0xFF]))
        #expect(VitalProductData.deviceName(page83: page) == "600a0bff")
    }

    @Test func textDesignatorsStayAsTheyAre() {
        let page = Self.page(Self.designator(2, 0, 1, Array("Google  persistent-disk-0".utf8)))
        #expect(VitalProductData.deviceName(page83: page) == "Google  persistent-disk-0")
    }

    @Test func designatorsOfPortsAndTargetsAreSkipped() {
        let page = Self.page(
            Self.designator(1, 1, 4, [1, 2]), Self.designator(1, 2, 3, [3]), Self.designator(1, 0, 3, [9]))
        #expect(VitalProductData.deviceName(page83: page) == "09")
    }

    @Test(arguments: [[], [0, 0x83], [0, 0x80, 0, 0], page([1, 0, 0, 200, 1]), page([1, 0]), page([1, 0, 0, 0])])
    func brokenPagesNameNothing(_ page: [UInt8]) {
        #expect(VitalProductData.deviceName(page83: page) == nil)
    }

    @Test func lengthsBeyondThePageAreCutOff() {
        #expect(VitalProductData.serialNumber(page80: [0, 0x80, 0xFF, 0xFF] + Array("  ab".utf8)) == "  ab")
        #expect(VitalProductData.serialNumber(page80: [0, 0x83, 0, 1, 0x41]) == nil)
    }
}
