// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The names that documents may use of this repository.
struct Names: Sendable {
    static let ofThisTree = Names(WorkingTree.files)

    private let paths: Set<String>
    private let directories: Set<String>
    /// Types, of Swift and Python.
    private let types: Set<String>
    private let functions: Set<String>
    /// Of the wire.
    private let methods: Set<String>
    /// Of released versions.
    let methodCount: Int
    let versionCount: Int
    /// Of csi-proxy, without the dashes.
    let options: Set<String>

    /// Capitalised words in backticks that are no name of this repository.
    private static let others: Set<String> = ["Host", "Makefile", "Foundation", "Operation"]

    init(_ files: [SourceFile]) {
        paths = Set(files.map(\.path))
        directories = Set(paths.flatMap { $0.split(separator: "/").dropLast().map(String.init) })
        var types: Set<String> = []
        var functions: Set<String> = []
        var methods: [String] = []
        var (released, releasedMethods): (Set<String>, Int) = ([], 0)
        let unreleased = files.first { $0.path == "api/baseline/unreleased" }.map(Self.versions) ?? []
        var options: Set<String> = ["help", "version"]
        for file in files {
            if file.path.hasSuffix(".swift"), !file.isIn("api/Generated") {
                types.formUnion(
                    file.text.matches(of: #/\b(?:struct|class|enum|protocol|actor|typealias) (\w+)/#)
                        .map { String($0.output.1) })
                functions.formUnion(
                    file.text.matches(of: #/\b(?:func|var|let|case) `?(\w+)/#).map { String($0.output.1) })
            } else if file.path.hasSuffix(".py") {
                types.formUnion(file.text.matches(of: #/\bclass (\w+)/#).map { String($0.output.1) })
            } else if file.path.hasSuffix(".proto"), !file.isIn("api/grpc") {
                let names = file.text.matches(of: #/\brpc (\w+)/#).map { String($0.output.1) }
                methods += names
                let version = file.path.split(separator: "/").dropFirst().dropLast().joined(separator: "/")
                if !file.isIn("api/errors"), !unreleased.contains(version) {
                    released.insert(version)
                    releasedMethods += names.count
                }
            }
            if file.isIn("service/csi-proxy") { options.formUnion(Self.options(in: file.text)) }
        }
        self.types = types
        self.functions = functions
        self.methods = Set(methods)
        self.options = options
        methodCount = releasedMethods
        versionCount = released.count
    }

    /// The first word of each line that is no comment.
    private static func versions(_ file: SourceFile) -> Set<String> {
        Set(
            file.text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap {
                $0.split(separator: " ").first.map(String.init)
            })
    }

    /// A path from the root of the repository, or the end of one.
    func isFile(_ path: String) -> Bool {
        WorkingTree.exists(path) || paths.contains { $0.hasSuffix("/\(path)") }
    }

    /// The name again where it looks like one of this repository and is none.
    func unknown(in name: String) -> String? { isKnown(name) ? nil : name }

    private func isKnown(_ name: String) -> Bool {
        // All suites of a promise: "S3…".
        if let promise = name.wholeMatch(of: #/(S[0-9]+)…/#)?.output.1 {
            return types.contains { $0.wholeMatch(of: #/(S[0-9]+)[A-Z]\w*/#)?.output.1 == promise }
        }
        if name.hasSuffix(".swift") || name.hasSuffix(".md") { return true }
        // A test by its name alone: four words or more.
        if name.wholeMatch(of: #/[a-z][a-z0-9]*(?:[A-Z][a-z0-9]+){3,}/#) != nil { return functions.contains(name) }
        // "Suite", "Suite/", "Suite.test", "module", "MethodOfTheWire".
        guard let match = name.wholeMatch(of: #/([A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*)(?:\.(\w+)(?:\.\w+)?)?\/?/#) else {
            return true
        }
        let (whole, member) = (String(match.output.1), match.output.2.map(String.init))
        let isType = types.contains(whole) || directories.contains(whole) || Self.others.contains(whole)
        guard let member else {
            // One hump is a word; more are a name.
            return isType || methods.contains(whole)
                || whole.wholeMatch(of: #/[A-Z][a-z0-9]+/#) != nil
        }
        return isType && (functions.contains(member) || types.contains(member))
    }

    /// Of properties that are options or flags of a command line, as ArgumentParser names them.
    private static func options(in text: String) -> [String] {
        var isOption = false
        var names: [String] = []
        for line in text.split(separator: "\n").map({ $0.trimmingCharacters(in: .whitespaces) }) {
            if line.hasPrefix("@Option") || line.hasPrefix("@Flag") { isOption = true }
            guard isOption else { continue }
            names += line.matches(of: #/\.customLong\("([^"]+)"\)/#).map { String($0.output.1) }
            names += line.matches(of: #/name: "([^"]+)"/#).map { String($0.output.1) }
            if let property = line.firstMatch(of: #/^(?:public |private )?var (\w+)/#)?.output.1 {
                names.append(
                    property.reduce(into: "") { name, letter in
                        name += letter.isUppercase ? "-\(letter.lowercased())" : String(letter)
                    })
                isOption = false
            }
        }
        return names
    }
}
