// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// The machine's serial number, which the kernel takes from its firmware's tables.
enum SerialNumber {
    /// - Parameter directory: where the kernel shows the tables' identifiers.
    ///
    /// Source: Documentation/ABI/testing/sysfs-devices-virtual-dmi-id; root alone may read it.
    static func read(from directory: String = "/sys/class/dmi/id") throws(StorageError) -> String {
        var text: String
        do throws(StorageError) {
            text = try Descriptor.contents(of: "\(directory)/product_serial")
        } catch  where error.code == .notFound {
            throw StorageError(.unsupported, "this machine's firmware has no SMBIOS tables", cause: error.cause)
        }
        if text.hasSuffix("\n") { text.removeLast() }
        guard text.contains(where: { $0 != " " }) else {
            throw StorageError(.unsupported, "this machine's firmware gives no serial number")
        }
        return text
    }
}
