// SPDX-License-Identifier: Apache-2.0

/// A password or another shared secret. It is to be handed on, never shown: interpolated text, a dump of a value with a
/// secret in it, and a debugger's summary show three dots.
public struct Secret: Sendable, Equatable {
    /// The secret itself, for the code that has to prove it.
    public let revealed: String

    /// Refuses control characters: a NUL would end it early, a line's end would begin a new line in the files and
    /// protocols that it passes through.
    public init(_ text: String) throws(StorageError) {
        guard !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw StorageError(.invalidArgument, "the secret holds a control character")
        }
        revealed = text
    }

    public static func == (a: Secret, b: Secret) -> Bool { a.revealed.isIdentical(to: b.revealed) }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "..." }
    public var debugDescription: String { "..." }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
