// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A file of this repository.
struct SourceFile: Sendable, CustomTestStringConvertible {
    /// From the root of the repository: "Sources/HostStorage/StorageError.swift".
    var path: String
    var text: String

    var testDescription: String { path }

    func isIn(_ directories: String...) -> Bool { directories.contains { path.hasPrefix("\($0)/") } }

    /// The modules it imports, with any attribute or access level before `import`.
    var imports: Set<String> {
        let pattern =
            #/^[ \t]*(?:@\w+(?:\([^)]*\))?[ \t]+)*(?:(?:public|package|internal|fileprivate|private)[ \t]+)?import[ \t]+(?:(?:struct|class|enum|protocol|typealias|func|var|let)[ \t]+)?(\w+)/#
            .anchorsMatchLineEndings()
        return Set(text.matches(of: pattern).map { String($0.output.1) })
    }

    /// The lines that hold one of these words and have no comment on the line above.
    func uncommented(_ words: [String]) -> [String] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.indices.compactMap { index in
            let line = lines[index].trimmingCharacters(in: .whitespaces)
            guard !line.hasPrefix("//"), words.contains(where: line.contains) else { return nil }
            let above = index == 0 ? "" : lines[index - 1].trimmingCharacters(in: .whitespaces)
            return above.hasPrefix("//") ? nil : "\(path):\(index + 1): \(line)"
        }
    }

    /// Versions of the wire that it names, where they can be distinguished from other words.
    var versionTokens: [String] { text.matches(of: #/\bv[0-9]+(?:alpha|beta)[0-9]+\b/#).map { String($0.output) } }
}

/// The working tree that this test was built from.
enum WorkingTree {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// All files in the directories of our own sources.
    static let files: [SourceFile] = ["Sources", "service", "api", "Examples", "Tests", "tools", "docs"].flatMap {
        directory in
        let base = root.appending(path: directory)
        let paths = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        return paths.compactMap { path -> SourceFile? in
            guard let data = FileManager.default.contents(atPath: base.appending(path: path).path) else { return nil }
            return SourceFile(path: "\(directory)/\(path)", text: String(decoding: data, as: UTF8.self))
        }
    }

    static var swiftFiles: [SourceFile] { files.filter { $0.path.hasSuffix(".swift") } }
}
