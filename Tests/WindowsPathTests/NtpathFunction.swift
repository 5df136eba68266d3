// SPDX-License-Identifier: Apache-2.0

import WindowsPath

extension NtpathOracle.Function {
    /// The module's answer.
    func answer(to question: NtpathOracle.Case) -> NtpathAnswer {
        guard let directories = NtpathOracle.directories else { return .error }
        let (a, b, c) = (WindowsPath(units: question.a), WindowsPath(units: question.b), WindowsPath(units: question.c))
        do {
            switch self {
            case .splitRoot:
                let parts = a.splitRoot()
                return NtpathAnswer(parts.drive, parts.root, parts.tail)
            case .splitDrive:
                let parts = a.splitDrive()
                return NtpathAnswer(parts.drive, parts.rest)
            case .split:
                let parts = a.split()
                return NtpathAnswer(parts.directory, parts.name)
            case .splitExtension:
                let parts = a.splitExtension()
                return NtpathAnswer(parts.stem, parts.fileExtension)
            case .normalized: return NtpathAnswer(a.normalized())
            case .isAbsolute: return NtpathAnswer(a.isAbsolute)
            case .isReserved: return NtpathAnswer(a.isReserved)
            case .fullPath: return NtpathAnswer(try a.fullPath(in: directories))
            case .join: return NtpathAnswer(a.joining(b))
            case .joinThree: return NtpathAnswer(a.joining(b, c))
            case .common: return NtpathAnswer(try WindowsPath.common(of: [a, b]))
            case .commonThree: return NtpathAnswer(try WindowsPath.common(of: [a, b, c]))
            case .relative: return NtpathAnswer(try a.relative(to: b, in: directories))
            }
        } catch {
            return .error
        }
    }

    /// How many of the case's paths the function takes.
    var pathCount: Int {
        switch self {
        case .splitRoot, .splitDrive, .split, .splitExtension, .normalized, .isAbsolute, .isReserved, .fullPath: 1
        case .join, .common, .relative: 2
        case .joinThree, .commonThree: 3
        }
    }

    /// Whether the two answers are the same, but for two things: where ntpath makes `c:x`, a path on a drive,
    /// of a relative path, this has `.\c:x`; and ntpath drops a separator at the end of a full path.
    func agree(_ ours: NtpathAnswer, _ theirs: NtpathAnswer) -> Bool {
        if ours == theirs { return true }
        // The first number is the text's length.
        let (our, their) = (ours.encoded.dropFirst(), theirs.encoded.dropFirst())
        switch self {
        case .normalized, .common, .commonThree, .relative:
            return their.dropFirst().first == 0x3A && our.elementsEqual([0x2E, 0x5C] + their)
        case .fullPath:
            return our.last == 0x5C && their.last != 0x5C ? our.dropLast() == their : our == their.dropLast()
        default: return false
        }
    }

    func text(of question: NtpathOracle.Case) -> String {
        let paths = [question.a, question.b, question.c].prefix(pathCount)
        return "\(self) of \(paths.map { String(decoding: $0, as: UTF16.self) })"
    }
}
