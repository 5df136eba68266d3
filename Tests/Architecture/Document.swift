// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A Markdown file of this repository.
struct Document: Sendable, CustomTestStringConvertible {
    /// From the root of the repository: "docs/testing.md".
    var path: String
    var text: String

    var testDescription: String { path }

    /// The lines outside of fenced blocks.
    var prose: [String] { lines.filter { !$0.isCode }.map(\.text) }

    /// The lines of fenced blocks.
    var blocks: [String] { lines.filter(\.isCode).map(\.text) }

    private var lines: [(text: String, isCode: Bool)] {
        var isCode = false
        return text.split(separator: "\n").compactMap { line in
            if line.hasPrefix("```") {
                isCode.toggle()
                return nil
            }
            return (String(line), isCode)
        }
    }

    /// The spans in backticks. A span may go on in the next line.
    var spans: [String] {
        prose.joined(separator: "\n").matches(of: #/`([^`]+)`/#)
            .map { $0.output.1.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
    }

    /// The text in bold, without anything behind a bracket.
    var bold: [String] { prose.joined(separator: "\n").matches(of: #/\*\*([^*]+)\*\*/#).map { String($0.output.1) } }

    /// Where links lead that stay in this repository, from its root.
    var links: [String] {
        let base = path.split(separator: "/").dropLast().map(String.init)
        return prose.joined(separator: "\n").matches(of: #/\]\(([^)\s]+)\)/#).compactMap { match in
            let target = match.output.1.prefix { $0 != "#" }
            guard !target.isEmpty, !target.contains("://"), !target.hasPrefix("mailto:") else { return nil }
            var parts = base
            for part in target.split(separator: "/") where part != "." {
                if part == ".." { _ = parts.popLast() } else { parts.append(String(part)) }
            }
            return parts.joined(separator: "/")
        }
    }

    /// The options of csi-proxy that it names: those in backticks with nothing before them, or behind "csi-proxy".
    var options: Set<String> {
        let alone = spans.filter { $0.hasPrefix("--") || $0.hasPrefix("csi-proxy ") }
        let typed = blocks.compactMap { line in line.range(of: "csi-proxy ").map { String(line[$0.lowerBound...]) } }
        return Set(
            (alone + typed).flatMap { text in
                text.prefix { $0 != "#" }.matches(of: #/(?:^|\s)--([a-z0-9-]+)/#).map { String($0.output.1) }
            })
    }
}

extension WorkingTree {
    /// All documents.
    static let documents: [Document] = {
        let outermost = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
        let paths =
            outermost + files.map(\.path).filter { !$0.contains("/.") }
        return paths.filter { $0.hasSuffix(".md") }.sorted().compactMap { path in
            FileManager.default.contents(atPath: root.appending(path: path).path).map {
                Document(path: path, text: String(decoding: $0, as: UTF8.self))
            }
        }
    }()

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).path)
    }
}
