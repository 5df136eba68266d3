// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The scripts that lie beside the tests, and the files of 16-bit little-endian numbers that they write.
enum Script {
    struct Failure: Error {
        let name: String
        let status: Int32
    }

    static func run(_ name: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: #filePath).deletingLastPathComponent().appending(path: name)
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(name: name, status: process.terminationStatus) }
    }

    static func units(in file: URL) throws -> [UInt16] {
        let bytes = [UInt8](try Data(contentsOf: file))
        var units: [UInt16] = []
        units.reserveCapacity(bytes.count / 2)
        for offset in stride(from: 0, to: bytes.count - 1, by: 2) {
            units.append(UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8)
        }
        return units
    }
}
