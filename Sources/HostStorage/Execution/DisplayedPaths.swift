// SPDX-License-Identifier: Apache-2.0

// Backends name places by their paths on the host; answers and errors to callers have paths in the policy's dialect.
extension Holder {
    func displayed(in paths: PathPolicy) -> Holder {
        guard case .mount(let target, let process) = self else { return self }
        return .mount(target: paths.displayPath(ofHostPath: target), seenByProcess: process)
    }
}

extension StorageError {
    func displayed(in paths: PathPolicy) -> StorageError {
        var error = self
        error.holders = holders.map { $0.displayed(in: paths) }
        guard paths.dialect == .windows else { return error }
        error.subject = paths.text(displayingHostPaths: subject, isPath: true)
        error.detail = paths.text(displayingHostPaths: detail, isPath: false)
        switch cause {
        case .program(let name, let status, let output):
            error.cause = .program(name, status: status, output: paths.text(displayingHostPaths: output, isPath: false))
        case .systemCall, nil: break
        }
        return error
    }
}

extension PathPolicy {
    /// A text with the host's paths in it in the spelling that callers know, and with devices by their names alone.
    ///
    /// - Parameter isPath: whether the text is one path, and not a sentence in which a path ends at a blank.
    fileprivate func text(displayingHostPaths text: String, isPath: Bool) -> String {
        if isPath, text.hasPrefix("/") {
            let end = text.firstRange(of: " at offset ")?.lowerBound ?? text.endIndex
            return word(String(text[..<end])) + text[end...]
        }
        var displayed = ""
        var rest = text[...]
        while let start = Self.startOfPath(in: rest) {
            displayed += rest[..<start]
            // Roots may have blanks in their names.
            let root = roots.filter { rest[start...].hasPrefix($0) }.max { $0.utf8.count < $1.utf8.count }
            let search = rest.index(start, offsetBy: root?.count ?? 0)
            var end = rest[search...].firstIndex { $0.isWhitespace || #""',;)]"#.contains($0) } ?? rest.endIndex
            if let last = rest[start..<end].last, ":.".contains(last) { end = rest.index(before: end) }
            displayed += word(String(rest[start..<end]))
            rest = rest[end...]
        }
        return displayed + rest
    }

    /// Where an absolute path of the host begins: not within a word, as in "km/h", or in text with two slashes.
    private static func startOfPath(in text: Substring) -> Substring.Index? {
        text.indices.first { index in
            guard text[index] == "/" else { return false }
            if index > text.startIndex {
                let before = text[text.index(before: index)]
                guard before.isWhitespace || #""'([=,:"#.contains(before) else { return false }
            }
            let next = text.index(after: index)
            return next < text.endIndex && text[next] != "/" && !text[next].isWhitespace
        }
    }

    private func word(_ path: String) -> String {
        if path.hasPrefix("/dev/") { return String(path.dropFirst("/dev/".count)) }
        return displayPath(ofHostPath: path)
    }
}
