// SPDX-License-Identifier: Apache-2.0

/// A block device that a volume is on: a partition's, or that of a whole disk.
struct VolumeDevice: Sendable, Hashable {
    let name: String
    let device: DeviceNumber
    /// In bytes.
    let size: Int64

    var path: String { BlockDeviceName.path(of: name) }
}

extension OpenDisk {
    /// The device of the disk itself.
    var wholeDevice: VolumeDevice { VolumeDevice(name: node.name, device: node.device, size: size) }
}
