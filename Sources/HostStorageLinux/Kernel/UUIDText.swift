// SPDX-License-Identifier: Apache-2.0

import CLibUuid

/// UUIDs as libuuid reads and writes them.
enum UUIDText {
    /// Random, in lower case.
    static func random() -> String {
        var uuid = [UInt8](repeating: 0, count: 16)
        uuid_generate_random(&uuid)
        return text(uuid)
    }

    /// In lower case.
    static func text(_ uuid: [UInt8]) -> String {
        var text = [CChar](repeating: 0, count: 37)
        uuid_unparse_lower(uuid, &text)
        return String(decoding: text.prefix(36).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Nil where the text is no UUID.
    static func bytes(_ text: String) -> [UInt8]? {
        var uuid = [UInt8](repeating: 0, count: 16)
        return uuid_parse(text, &uuid) == 0 ? uuid : nil
    }
}
