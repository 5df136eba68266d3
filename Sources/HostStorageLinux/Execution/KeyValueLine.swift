// SPDX-License-Identifier: Apache-2.0

extension String {
    /// The lines that are not empty, split by bytes: a carriage return before a line feed belongs to the line. Swift takes
    /// the two for one character, which equals neither.
    var lines: [Substring] { utf8.split(separator: UInt8(ascii: "\n")).map(Substring.init) }
}

extension Substring {
    /// Both sides of the first "=", as records of this layer and of open-iscsi have them; nil where there is none.
    var keyAndValue: (key: Substring, value: Substring)? {
        utf8.firstIndex(of: UInt8(ascii: "=")).map { (self[..<$0], self[utf8.index(after: $0)...]) }
    }
}
