// SPDX-License-Identifier: Apache-2.0

/// A value that is written as text and read from it with all its checks, in JSON as elsewhere.
public protocol TextValue: Codable, CustomStringConvertible {
    /// - Throws: ``StorageError/Code/invalidArgument`` for text that is no such value.
    init(_ text: String) throws(StorageError)
}

extension TextValue {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        do throws(StorageError) {
            try self.init(text)
        } catch {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.detail)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
