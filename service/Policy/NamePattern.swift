// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// A name in which `*` stands for any text, none included. All else stands for itself, byte for byte.
public struct NamePattern: Sendable, Hashable, CustomStringConvertible {
    public let text: String

    public init(_ text: String) { self.text = text }

    public func matches(_ name: String) -> Bool { name.matches(pattern: text) }

    public var description: String { text }
}
