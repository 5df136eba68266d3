// SPDX-License-Identifier: Apache-2.0

import CUnixSocket
public import StorageAccess

extension AccountNames {
    /// This host's users and groups.
    public static let system = AccountNames(uid: { number(of: $0, isGroup: 0) }, gid: { number(of: $0, isGroup: 1) })

    private static func number(of name: String, isGroup: Int32) -> UInt32? {
        var number: UInt32 = 0
        return cus_account(name, isGroup, &number) == 0 ? number : nil
    }
}
