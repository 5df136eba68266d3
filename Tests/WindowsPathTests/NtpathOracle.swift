// SPDX-License-Identifier: Apache-2.0

import Foundation
import WindowsPath

/// Python's ntpath, asked by way of `ntpath-oracle`; `ntpath_oracle.py` describes the protocol.
enum NtpathOracle {
    /// Each is asked of three paths, a, b and c.
    enum Function: String, CaseIterable, Sendable {
        case splitRoot, splitDrive, split, splitExtension, normalized, isAbsolute, isReserved, fullPath
        /// Of a and b, or of all three; a relative to b.
        case join, joinThree, common, commonThree, relative
    }

    struct Case: Sendable {
        let a, b, c: [UInt16]
    }

    /// The current directory that the oracle has.
    static let directories = try? CurrentDirectories(#"C:\current\dir"#)

    /// The answers of each function in turn to the first case, then to the next.
    ///
    /// - Parameter pairs: whether a surrogate pair is one character to Python, as it is by nature.
    static func answers(
        to cases: [Case], of functions: [Function], pairs: Bool = false
    ) throws -> [NtpathAnswer] {
        let directory = FileManager.default.temporaryDirectory.appending(path: "ntpath-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let (input, output) = (directory.appending(path: "input"), directory.appending(path: "output"))
        var question: [UInt16] = []
        for path in cases.flatMap({ [$0.a, $0.b, $0.c] }) {
            question.append(UInt16(path.count))
            question += path
        }
        try Script.write(question, to: input)
        let arguments = (pairs ? ["--pairs"] : []) + [input.path, output.path] + functions.map(\.rawValue)
        try Script.run("ntpath-oracle", arguments)

        let numbers = try Script.units(in: output)
        var answers: [NtpathAnswer] = []
        answers.reserveCapacity(cases.count * functions.count)
        var position = 0
        while position < numbers.count {
            let end = position + 1 + Int(numbers[position])
            answers.append(NtpathAnswer(encoded: Array(numbers[position + 1..<end])))
            position = end
        }
        precondition(answers.count == cases.count * functions.count, "the oracle answered what it was not asked")
        return answers
    }
}
