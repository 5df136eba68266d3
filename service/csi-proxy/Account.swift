// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ProxyServer
import StorageAccess

/// Users and groups as the command line names them: by number or by name.
enum Account {
    static func uid(_ text: String) throws -> UInt32 { try number(text, "user", AccountNames.system.uid) }
    static func gid(_ text: String) throws -> UInt32 { try number(text, "group", AccountNames.system.gid) }

    private static func number(_ text: String, _ kind: String, _ named: (String) -> UInt32?) throws -> UInt32 {
        // The greatest number means "none" to the kernel.
        guard let number = UInt32(text) ?? named(text), number != .max else {
            throw ValidationError("there is no \(kind) \"\(text)\"")
        }
        return number
    }
}
