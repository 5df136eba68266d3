// SPDX-License-Identifier: Apache-2.0

extension String {
    /// The beginning of text that may be anything, in quotes and in plain ASCII: it ends where its quotes
    /// end, so that nothing in it can pass for another part of a log line.
    package var quoted: String {
        var text = ""
        for (count, scalar) in unicodeScalars.enumerated() {
            guard count < 260 else { return "\"\(text)\"..." }
            text += scalar.escaped(asASCII: true)
        }
        return "\"\(text)\""
    }
}
