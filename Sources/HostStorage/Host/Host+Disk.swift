// SPDX-License-Identifier: Apache-2.0

extension Host {
    public func diskLocations() async throws(StorageError) -> [DiskNumber: DiskLocation] {
        try await ask("list disk locations", "") { backend throws(StorageError) in try await backend.diskLocations() }
    }

    public func diskIdentifiers() async throws(StorageError) -> [DiskNumber: DiskIdentifiers] {
        try await ask("list disks", "") { backend throws(StorageError) in try await backend.diskIdentifiers() }
    }

    public func diskSize(_ disk: DiskNumber) async throws(StorageError) -> Int64 {
        try await ask("size of disk", "\(disk)") { backend throws(StorageError) in try await backend.diskSize(disk) }
    }

    public func diskState(_ disk: DiskNumber) async throws(StorageError) -> DiskState {
        try await ask("state of disk", "\(disk)") { backend throws(StorageError) in
            try await backend.diskState(disk)
        }
    }

    public func partitionDisk(_ disk: DiskNumber) async throws(StorageError) {
        try await change("partition disk", "\(disk)", keys: [.disk(disk)]) { backend throws(StorageError) in
            try await backend.partitionDisk(disk)
        }
    }

    public func rescanDisks() async throws(StorageError) {
        try await change("rescan disks", "", keys: [.inventory], isShared: false) { backend throws(StorageError) in
            try await backend.rescanDisks()
        }
    }

    public func setDiskState(_ disk: DiskNumber, to state: DiskState) async throws(StorageError) {
        try await change("set \(state.rawValue) disk", "\(disk)", keys: [.disk(disk)]) { backend throws(StorageError) in
            try await backend.setDiskState(disk, to: state)
        }
    }
}
