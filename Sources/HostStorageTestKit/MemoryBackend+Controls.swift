// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import Synchronization

// Changes to the host from outside, as a storage provider or an administrator would make them.
extension MemoryBackend {
    // MARK: - Disks

    /// Attaches a disk. Its number is one that no disk of this host has had.
    ///
    /// - Parameters:
    ///   - identifiers: how it names itself; a serial number of its own unless given.
    ///   - location: its SCSI address, if it has one.
    ///   - carriesSystem: whether the host runs from it.
    @discardableResult
    public func attachDisk(
        size: Int64, content: DiskContent = .blank, identifiers: DiskIdentifiers? = nil,
        location: DiskLocation? = nil, carriesSystem: Bool = false
    ) throws(StorageError) -> DiskNumber {
        defer { diskChanges.wake() }
        return try host.withLock { host throws(StorageError) in
            try host.attachDisk(
                size: size, content: content, identifiers: identifiers, location: location,
                carriesSystem: carriesSystem)
        }
    }

    /// Makes a disk larger. The host sees it after a rescan.
    public func growDisk(_ disk: DiskNumber, to size: Int64) {
        host.withLock { $0.disks[disk]?.actualSize = size }
    }

    /// Takes a disk away, even in use; its mounts stay.
    public func detachDisk(_ disk: DiskNumber) {
        host.withLock { $0.disks[disk]?.isAttached = false }
        diskChanges.wake()
    }

    /// Makes a disk fall silent or answer again. A silent disk is missing from ``diskIdentifiers()``; all other calls
    /// on it fail with ``StorageError/Code/inputOutput``.
    public func setAnswering(_ disk: DiskNumber, _ isAnswering: Bool) {
        host.withLock { $0.disks[disk]?.isAnswering = isAnswering }
    }

    /// The content of a disk now, sizes of partitions included; nil if there is no such disk.
    public func content(of disk: DiskNumber) -> DiskContent? {
        host.withLock { $0.disks[disk]?.content }
    }

    // MARK: - Files

    /// Writes a file, replacing one that is there.
    public func writeFile(_ bytes: [UInt8], at path: String) throws(StorageError) {
        try put(.file(bytes), at: path)
    }

    public func readFile(at path: String) throws(StorageError) -> [UInt8] {
        let path = try settings.paths.resolve(path, driveless: .onDriveC)
        return try host.withLock { host throws(StorageError) in
            let place = try host.follow(path)
            guard case .file(let bytes)? = host[place] else {
                throw StorageError(.notFound, "\(host.displayed(place)) is no file")
            }
            return bytes
        }
    }

    /// Makes a link with any text, such as one that leads out of the roots.
    public func putLink(to target: String, at path: String) throws(StorageError) {
        try put(.link(target), at: path)
    }

    /// The volumes mounted now, by the absolute path of their mount points.
    public var mounts: [String: VolumeID] {
        host.withLock { host in
            var volumes: [String: VolumeID] = [:]
            for case (let place, .volume(let volume)) in host.mounts { volumes[place.text] = volume }
            return volumes
        }
    }

    private func put(_ node: Node, at path: String) throws(StorageError) {
        let path = try settings.paths.resolve(path, driveless: .onDriveC)
        guard let parent = path.parent, let name = path.name else {
            throw StorageError(.failedPrecondition, "\(path) cannot be written")
        }
        try host.withLock { host throws(StorageError) in
            let place = try host.follow(parent) + [FileName(name)]
            guard host[Place(place.dropLast())]?.isDirectory == true, host[place]?.isDirectory != true else {
                throw StorageError(.failedPrecondition, "\(host.displayed(place)) cannot be written")
            }
            host[place] = node
        }
    }
}

extension SimulatedHost {
    mutating func attachDisk(
        size: Int64, content: DiskContent, identifiers: DiskIdentifiers? = nil, location: DiskLocation? = nil,
        carriesSystem: Bool = false
    ) throws(StorageError) -> DiskNumber {
        lastDisk += 1
        let number = DiskNumber(lastDisk)
        let named = identifiers ?? DiskIdentifiers(page83: "memory-disk-\(number)", serialNumber: "MEM\(number)")
        var disk = SimulatedDisk(
            number: number, identifiers: named, location: location, actualSize: size, size: size,
            carriesSystem: carriesSystem)
        try disk.fill(with: content)
        disks[number] = disk
        return number
    }
}

extension SimulatedDisk {
    var content: DiskContent {
        switch layout {
        case .blank: .blank
        case .random: .random
        case .unreadable: .unreadable
        case .gpt: .gpt(slots.map(\.partition))
        case .mbr: .mbr(slots.map(\.partition))
        case .wholeDisk:
            if case .filesystem(let filesystem)? = slots.first?.content { .filesystem(filesystem.kind) } else { .blank }
        }
    }
}

extension SimulatedDisk.Slot {
    fileprivate var partition: PartitionContent {
        guard !isReserved else { return .reserved(size: size) }
        let content: VolumeContent =
            switch content {
            case .blank: .blank
            case .random: .random
            case .unreadable: .unreadable
            case .filesystem(let filesystem): .filesystem(filesystem.kind)
            }
        return PartitionContent(content, size: size)
    }
}
