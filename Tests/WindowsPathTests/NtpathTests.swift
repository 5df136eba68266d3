// SPDX-License-Identifier: Apache-2.0

import Testing
import WindowsPath

/// More than 100,000 generated paths by every function that both this module and Python's ntpath have.
@Suite struct NtpathTests {
    @Test func generatedPathsAreTakenApartAsNtpathDoes() async throws {
        let functions = NtpathOracle.Function.allCases.filter { $0 != .fullPath && $0 != .relative }
        try await compare(cases(110_000, of: PathGenerator(seed: 2026)), functions)
    }

    /// Of odd paths most have something that Win32 alone resolves, so these are plainer.
    @Test func generatedPathsAreResolvedAsNtpathDoes() async throws {
        try await compare(cases(115_000, of: PathGenerator(seed: 4, isPlain: true)), [.fullPath, .relative])
    }

    private func cases(_ count: Int, of generator: PathGenerator) -> [NtpathOracle.Case] {
        var generator = generator
        var seen: Set<[UInt16]> = []
        var cases: [NtpathOracle.Case] = []
        while cases.count < count {
            let a = generator.path()
            guard seen.insert(a).inserted else { continue }
            cases.append(NtpathOracle.Case(a: a, b: generator.relative(of: a), c: generator.relative(of: a)))
        }
        return cases
    }

    private func compare(_ cases: [NtpathOracle.Case], _ functions: [NtpathOracle.Function]) async throws {
        async let own = withTaskGroup { group in
            for start in stride(from: 0, to: cases.count, by: 4000) {
                let chunk = cases[start..<min(start + 4000, cases.count)]
                group.addTask { (start, chunk.map { OwnAnswers($0, of: functions) }) }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        let expected = try NtpathOracle.answers(to: cases, of: functions)
        let answers = await own.sorted { $0.key < $1.key }.flatMap(\.value)

        var compared: [NtpathOracle.Function: Int] = [:]
        var mismatches: [String] = []
        var position = 0
        for (question, ours) in zip(cases, answers) {
            for (function, answer) in zip(functions, ours.answers) {
                let theirs = expected[position]
                position += 1
                guard let answer else { continue }
                compared[function, default: 0] += 1
                if !function.agree(answer, theirs) {
                    mismatches.append("\(function.text(of: question)): \(answer), but ntpath: \(theirs)")
                }
            }
        }
        #expect(mismatches.prefix(20).isEmpty)
        for function in functions {
            let count = compared[function, default: 0]
            print("ntpath: \(function) compared \(count) times")
            #expect(count >= 100_000, "\(function)")
        }
    }
}

/// The module's answer to a case; nil where Win32 and ntpath may disagree.
private struct OwnAnswers: Sendable {
    let answers: [NtpathAnswer?]

    init(_ question: NtpathOracle.Case, of functions: [NtpathOracle.Function]) {
        let traits = DisagreementTraits(question)
        answers = functions.map { traits.expected(of: $0) == nil ? $0.answer(to: question) : nil }
    }
}
