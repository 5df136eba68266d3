// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What is mounted in this process's namespace, the earliest first, as /proc has it.
public enum MountedPlaces {
    public static func all() -> [(source: String, target: String, type: String)] {
        String(decoding: table(), as: UTF8.self).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count > 2 else { return nil }
            return (source: String(words[0]), target: String(words[1]), type: String(words[2]))
        }
    }

    /// Foundation's functions for files read a page of it at most.
    private static func table() -> [UInt8] {
        let file = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        var table: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(file, &piece, piece.count)
            guard count > 0 else { return table }
            table += piece[..<count]
        }
    }
}
