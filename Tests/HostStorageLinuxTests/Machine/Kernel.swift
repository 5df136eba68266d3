// SPDX-License-Identifier: Apache-2.0

import Foundation
import LoopDisks

/// The kernel's state in sysfs, and writes to it.
enum Kernel {
    static func write(_ text: String, to path: String) throws {
        let handle = try FileHandle(forWritingTo: URL(filePath: path))
        defer { try? handle.close() }
        try handle.write(contentsOf: Data(text.utf8))
    }

    /// An attribute without the line's end.
    static func read(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .newlines)
    }

    static func names(in path: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    }

    /// The places of this namespace's mounts, in the order in which they were made.
    static func mounts() -> [String] { MountedPlaces.all().map(\.target) }

    /// The result of `find`, once there is one.
    ///
    /// - Parameter tries: how often it is asked, every 25 ms.
    static func wait<Found>(for name: String, tries: Int = 4000, _ find: () throws -> Found?) throws -> Found {
        for _ in 0..<tries {
            if let found = try? find() { return found }
            usleep(25_000)
        }
        throw CommandFailed("\(name) has not come")
    }
}
