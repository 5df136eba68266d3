// SPDX-License-Identifier: Apache-2.0

/// What libblkid recognises on a device: a filesystem, a LUKS header, a member of a RAID or volume group,
/// swap.
public struct Signature: Sendable, Hashable, Codable, CustomStringConvertible {
    /// libblkid's name of the type: "ext4", "crypto_LUKS", "LVM2_member".
    public var type: String
    /// The UUID as libblkid spells it; nil where the type has none.
    public var uuid: String?

    public init(type: String, uuid: String? = nil) {
        self.type = type
        self.uuid = uuid
    }

    public var description: String { uuid.map { "\(type) with UUID \($0)" } ?? type }
}
