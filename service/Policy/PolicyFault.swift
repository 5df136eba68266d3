// SPDX-License-Identifier: Apache-2.0

/// A fault of a policy file, and its place.
public struct PolicyFault: Sendable, Hashable, CustomStringConvertible {
    /// From 1; nil for a fault of the file as a whole.
    public var line: Int?
    public var text: String

    public init(line: Int?, _ text: String) {
        self.line = line
        self.text = text
    }

    public var description: String { line.map { "line \($0): \(text)" } ?? text }
}

/// All faults of a policy file.
public struct PolicyFaults: Error, Sendable, Hashable, CustomStringConvertible {
    public var faults: [PolicyFault]
    /// Where they are, if in a file.
    public var file: String?

    public init(_ faults: [PolicyFault], file: String? = nil) {
        self.faults = faults
        self.file = file
    }

    public var description: String {
        (file.map { "policy file \($0): " } ?? "") + faults.map(\.description).joined(separator: "; ")
    }
}
