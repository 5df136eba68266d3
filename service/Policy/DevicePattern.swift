// SPDX-License-Identifier: Apache-2.0

public import HostStorage

/// The disks of a rule, by the names that disks give themselves. Their numbers and kernel names are of no use here:
/// they change from one start of the machine to the next.
public struct DevicePattern: Sendable, Hashable {
    /// The pattern for the name of page 83, if there is one.
    public var page83: NamePattern?
    /// The pattern for the serial number, if there is one.
    public var serial: NamePattern?

    public init(page83: NamePattern? = nil, serial: NamePattern? = nil) {
        self.page83 = page83
        self.serial = serial
    }

    /// Whether no part of it stands for any text.
    var isOfOneName: Bool {
        [page83, serial].compactMap(\.self).allSatisfy { !$0.text.utf8.contains(UInt8(ascii: "*")) }
            && (page83 ?? serial) != nil
    }

    /// Whether all patterns match. A name that the disk does not give matches nothing, not even `*`.
    public func matches(_ disk: DiskIdentifiers) -> Bool {
        func isMatch(_ pattern: NamePattern?, _ name: String) -> Bool {
            guard let pattern else { return true }
            return !name.isEmpty && pattern.matches(name)
        }
        return isMatch(page83, disk.page83) && isMatch(serial, disk.serialNumber)
    }
}
