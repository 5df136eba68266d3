// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// All names in documents exist.
@Suite struct DocumentTests {
    @Test(arguments: WorkingTree.documents) func linksLeadToFiles(_ document: Document) {
        for link in document.links { #expect(WorkingTree.exists(link), "\(document.path) links to \(link)") }
    }

    @Test(arguments: WorkingTree.documents) func filesAreThere(_ document: Document) {
        // In a block a name without a directory is a file of the reader's.
        let typed = document.blocks.flatMap { $0.split(separator: " ").map(String.init) }.filter { $0.contains("/") }
        for path in (document.spans + typed).compactMap(Self.path) {
            let isThere = Names.ofThisTree.isFile(path)
            #expect(isThere, "\(document.path) names \(path)")
        }
    }

    @Test(arguments: WorkingTree.documents) func testsAndTypesAndMethodsAreThere(_ document: Document) {
        let names = Names.ofThisTree
        for span in document.spans + document.bold {
            // "Rmdir(force)" and "formatVolume(_:over:)" are named by the part before the parenthesis.
            let name = String(span.prefix { $0 != "(" })
            let unknown = names.unknown(in: name)
            #expect(unknown == nil, "\(document.path) names it")
        }
    }

    @Test(arguments: WorkingTree.documents) func optionsAreCSIProxys(_ document: Document) {
        let unknown = document.options.subtracting(Names.ofThisTree.options).subtracting(Self.otherOptions)
        #expect(unknown.isEmpty, "\(document.path) names \(unknown.sorted())")
    }

    @Test(arguments: WorkingTree.documents) func targetsOfMakeAreInTheMakefile(_ document: Document) throws {
        let makefile = try String(contentsOf: WorkingTree.root.appending(path: "Makefile"), encoding: .utf8)
        for text in document.spans + document.blocks {
            guard let target = text.firstMatch(of: #/^make ([a-z]+)/#)?.output.1 else { continue }
            #expect(makefile.contains("\n\(target):"), "\(document.path) names make \(target)")
        }
    }

    @Test(arguments: WorkingTree.documents) func numbersOfVersionsAndMethodsAreTrue(_ document: Document) {
        let (versions, methods) = (Names.ofThisTree.versionCount, Names.ofThisTree.methodCount)
        let text = document.prose.joined(separator: " ")
        for match in text.matches(of: #/\b([0-9]+) (?:group\/version pairs|versions)\b/#) {
            #expect(Int(match.output.1) == versions, "\(document.path): \(match.output.0)")
        }
        for match in text.matches(of: #/\b([0-9]+) methods\b/#) {
            #expect(Int(match.output.1) == methods, "\(document.path): \(match.output.0)")
        }
    }

    @Test func theDocumentsAreThere() {
        let paths = Set(WorkingTree.documents.map(\.path))
        #expect(paths.isSuperset(of: ["README.md", "CONTRIBUTING.md", "docs/data-safety.md", "docs/threat-model.md"]))
        #expect(paths.count { $0.hasPrefix("docs/decisions/") } >= 10)
        let (versions, methods) = (Names.ofThisTree.versionCount, Names.ofThisTree.methodCount)
        let options = Names.ofThisTree.options
        #expect(versions > 20 && methods > 100 && options.contains("kubelet-path"))
    }

    /// Options of other programs that stand in backticks without their program.
    static let otherOptions: Set<String> = ["filter"]

    /// The word as a path, where it is one of this repository: beneath one of its directories, or a source file.
    static func path(in word: String) -> String? {
        let path = String(word.prefix { $0 != " " && $0 != ":" })
        // A pattern or a placeholder names no single file.
        guard !path.contains(where: { "*<>{}$…\"'()[]".contains($0) }) else { return nil }
        let directories = [
            ".ci", "Benchmarks", "Examples", "Fuzzing", "Sources", "Tests", "api", "docs", "service", "tools",
        ]
        if directories.contains(where: { path.hasPrefix("\($0)/") }) { return path }
        return path.wholeMatch(of: #/[\w\/+-]+\.(?:swift|py|proto|yaml|md)/#) == nil ? nil : path
    }
}

/// The rules above find violations.
@Suite struct DocumentRuleTests {
    let document = Document(
        path: "docs/x.md",
        text: """
            See [a](b.md), [c](../README.md#part), [d](https://e.f/g), [h](#i) and `Tests/Wire/no.py`, `NoSuchTests`,
            `--no-such 1`, `csi-proxy serve --either`, `swift test --filter X`, `a
            b`. **NoMethod** has 7 methods.
            ```sh
            csi-proxy sandbox --third   # --not-this
            make nothing
            ```
            """)

    @Test func everyKindIsFound() {
        #expect(document.links == ["docs/b.md", "README.md"])
        #expect(document.options == ["no-such", "either", "third"])
        #expect(document.spans.contains("a b") && document.bold == ["NoMethod"])
        #expect(document.blocks.count == 2)
        #expect(DocumentTests.path(in: "Tests/Wire/no.py") == "Tests/Wire/no.py")
        #expect(DocumentTests.path(in: "test_x.py -k y") == "test_x.py")
        #expect(DocumentTests.path(in: "api/*/v1") == nil && DocumentTests.path(in: "a.b") == nil)
    }

    @Test func whatIsNotThereIsUnknown() {
        let names = Names.ofThisTree
        for name in [
            "NoSuchTests", "DocumentTests.noSuchTest", "S99…", "NoSuchType", "GetNoSuchThing", "DocumentTests.Nested",
            "aTestThatIsNotThere",
        ] {
            let unknown = names.unknown(in: name)
            #expect(unknown == name)
        }
        for name in [
            "DocumentTests", "DocumentRuleTests.whatIsNotThereIsUnknown", "S1…", "BlankDevice", "GetDiskState", "Rmdir",
            "HostStorageTestKit", "anIdentifier", "UNKNOWN", "plain words", "csi-proxy", "DocumentTests/",
            "whatIsNotThereIsUnknown",
        ] {
            let unknown = names.unknown(in: name)
            #expect(unknown == nil)
        }
        let areFiles = ["Tests/Wire/no.py", "Architecture/Names.swift"].map(names.isFile)
        #expect(areFiles == [false, true])
    }
}
