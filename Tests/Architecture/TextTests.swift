// SPDX-License-Identifier: Apache-2.0

import Testing

/// Forbidden content and names of files.
@Suite struct TextTests {
    @Test func versionsStandInTheWireAndItsAdaptersAlone() {
        for file in WorkingTree.swiftFiles where !file.isIn("service", "api/Generated", "Tests") {
            #expect(file.versionTokens.isEmpty, "\(file.path) names \(file.versionTokens)")
        }
    }

    @Test func whatTheCompilerCannotCheckSaysWhyItHolds() {
        let words = ["@unchecked Sendable", "try!", "fatalError(", "nonisolated(unsafe)"]
        for file in WorkingTree.swiftFiles where file.isIn("Sources", "service", "Examples") {
            #expect(file.uncommented(words).isEmpty)
        }
    }

    @Test func filesAreNamedAfterWhatTheyHold() {
        for file in WorkingTree.files where !file.isIn("api/Generated") {
            let name = (file.path.split(separator: "/").last ?? "").split(separator: ".").first.map(String.init) ?? ""
            for word in ["Util", "Utils", "Utilities", "Helper", "Helpers", "Manager", "Extras", "Misc", "Common"] {
                #expect(!name.lowercased().hasSuffix(word.lowercased()), "\(file.path)")
            }
        }
    }

    @Test func theTreeIsThere() {
        #expect(WorkingTree.swiftFiles.count > 100)
        #expect(WorkingTree.files.contains { $0.path == "Sources/HostStorage/Errors/StorageError.swift" })
        #expect(WorkingTree.files.contains { $0.isIn("api/Generated") && !$0.versionTokens.isEmpty })
    }
}

/// The rules above find violations.
@Suite struct SourceFileTests {
    @Test func importsAreFoundBehindAttributesAndAccessLevels() {
        let file = SourceFile(
            path: "Sources/X/x.swift",
            text: """
                import A
                public import B
                @testable import C
                  @_spi(X) internal import struct D.Thing
                // import E
                let text = "import F"
                @preconcurrency public import G
                """)
        #expect(file.imports == ["A", "B", "C", "D", "G"])
        #expect(file.isIn("Sources") && file.isIn("service", "Sources/X") && !file.isIn("Source"))
    }

    @Test func aCommentAboveExcuses() {
        let file = SourceFile(
            path: "x.swift",
            text: """
                let a = try! f()
                // It cannot fail.
                let b = try! f()

                final class C: @unchecked Sendable {
                // fatalError( in a comment
                """)
        #expect(
            file.uncommented(["try!", "@unchecked Sendable", "fatalError("]) == [
                "x.swift:1: let a = try! f()", "x.swift:5: final class C: @unchecked Sendable {",
            ])
    }

    @Test func versionsAreDistinguishedFromOtherWords() {
        let file = SourceFile(path: "x.swift", text: "v1beta1, \"v2alpha12\", v1, rev1beta1, v1beta")
        #expect(file.versionTokens == ["v1beta1", "v2alpha12"])
    }
}
