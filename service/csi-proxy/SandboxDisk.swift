// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// A disk of a sandbox and its names, such as a storage provider would give it.
struct SandboxDisk: Sendable {
    let identifiers: DiskIdentifiers
    /// Drivers that go by LUN find disk 2 at LUN 2.
    let location: DiskLocation
    /// In bytes.
    let size: Int64

    init(index: Int, page83: String?, size: Int64) {
        identifiers = DiskIdentifiers(page83: page83 ?? "sandbox-disk-\(index)", serialNumber: "SANDBOX\(index)")
        location = DiskLocation(adapter: "0", bus: "0", target: "0", lun: "\(index)")
        self.size = size
    }
}
