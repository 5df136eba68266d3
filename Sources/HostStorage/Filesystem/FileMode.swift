// SPDX-License-Identifier: Apache-2.0

/// The permissions of a file or directory: nine bits, as for chmod(2). No set-user-ID and the like, which would give a
/// file on a volume the rights of root.
public struct FileMode: Sendable, Hashable, Codable {
    /// As chmod(2) takes them: 0 to 0777, octal.
    public let bits: UInt16

    /// - Throws: ``StorageError/Code/invalidArgument`` for more than nine bits.
    public init(_ bits: some BinaryInteger) throws(StorageError) {
        guard let bits = UInt16(exactly: bits), bits <= 0o777 else {
            throw StorageError(.invalidArgument, "a mode is between 0 and 0777, octal")
        }
        self.bits = bits
    }

    private init(known bits: UInt16) { self.bits = bits }

    /// 0755.
    public static let directory = FileMode(known: 0o755)
    /// 0644.
    public static let file = FileMode(known: 0o644)
}
