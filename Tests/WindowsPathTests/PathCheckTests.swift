// SPDX-License-Identifier: Apache-2.0

import Testing
import WindowsPath

@Suite struct PathCheckTests {
    @Test(arguments: [
        "", ".", #"C:\"#, #"C:\a\..\.\b\"#, "a//b", #"C:\a\b:s:$DATA"#, #"\\server\share*\a"#, #"\\.\nul"#,
        #"\\?\C:\nul\a. "#, #"\\?\C:\a:b. "#, #"\\?\C:\a\"#, "//./pipe/x",
    ])
    func passes(_ text: String) {
        #expect(throws: Never.self) { try WindowsPath(text).check(limit: .maxPath) }
    }

    static let refusedNamesCases: [(String, NameFault, Int)] = [
        (#"C:\a\b*\c"#, NameFault.forbidden(0x2A, at: 1), 1), ("aa:b/c", .stream(at: 2), 0), ("a/nul.x/b", .device, 1),
        ("./a./b", .endsInDotOrBlank, 1), (#"\\?\C:\a\..\b"#, .dots, 1), (#"\\?\C:\a\\b"#, .empty, 1),
        (#"\\?\C:\a/b"#, .forbidden(0x2F, at: 1), 0), ("a/b:", .emptyStream, 1),
        (#"C:\a:b. "#, .endsInDotOrBlank, 0), (#"C:\a:b."#, .endsInDotOrBlank, 0), (#"C:\a:b "#, .endsInDotOrBlank, 0),
        (#"\??\C:\x"#, .forbidden(0x3F, at: 0), 0),
    ]

    @Test(arguments: refusedNamesCases)
    func reportsTheNameAndItsFault(_ text: String, _ fault: NameFault, _ index: Int) {
        #expect(throws: PathFault.name(fault, index: index)) { try WindowsPath(text).check(limit: .extended) }
    }

    @Test(arguments: [(LengthLimit.maxPath, 259), (.extended, 32_767)])
    func theLimitCountsUnits(_ limit: LengthLimit, _ units: Int) {
        #expect(limit.units == units)
        var longest = "C:" + String(repeating: #"\😀xyz"#, count: (units - 2) / 6)
        longest += String(repeating: "y", count: units - longest.utf16.count)
        #expect(longest.utf16.count == units && longest.count < units)
        #expect(throws: Never.self) { try WindowsPath(longest).check(limit: limit) }
        #expect(throws: PathFault.tooLong(units: units + 1, limit: limit)) {
            try WindowsPath(longest + "y").check(limit: limit)
        }
    }
}
