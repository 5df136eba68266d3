// SPDX-License-Identifier: Apache-2.0

import WindowsPath

/// The result of a function: texts, or an error.
struct NtpathAnswer: Equatable, Sendable {
    /// In the oracle's form: the texts' lengths and units.
    let encoded: [UInt16]

    static let error = NtpathAnswer(encoded: [0xFFFF])

    init(encoded: [UInt16]) { self.encoded = encoded }

    init(_ paths: WindowsPath...) { self.init(paths) }

    init(_ paths: [WindowsPath]) {
        var encoded: [UInt16] = []
        for path in paths {
            encoded.append(UInt16(path.units.count))
            encoded += path.units
        }
        self.encoded = encoded
    }

    init(_ value: Bool) { encoded = [1, value ? 0x31 : 0x30] }
}

extension NtpathAnswer: CustomStringConvertible {
    var description: String {
        guard self != .error else { return "error" }
        var texts: [String] = []
        var rest = encoded[...]
        while let count = rest.popFirst() {
            texts.append(String(decoding: rest.prefix(Int(count)), as: UTF16.self))
            rest = rest.dropFirst(Int(count))
        }
        return texts.count == 1 ? texts[0].debugDescription : texts.debugDescription
    }
}
