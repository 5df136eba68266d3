// SPDX-License-Identifier: Apache-2.0

/// A host's storage as its users see it, linked or over sockets: disks, volumes, directories, shares, services and
/// iSCSI targets, paths in the spelling of the caller.
public protocol StorageHost: DiskOperations, VolumeOperations, FilesystemOperations, SMBOperations, SystemOperations,
    ISCSIOperations
where Path == String {
    /// The same host for a caller that may reach no more than this. What is outside is
    /// ``StorageError/Code/denied``, whatever is there.
    func confined(to confinement: CallConfinement) throws(StorageError) -> any StorageHost
}

extension StorageHost {
    /// A host that cannot compare paths where they are opened confines nobody.
    public func confined(to confinement: CallConfinement) throws(StorageError) -> any StorageHost {
        throw StorageError(.denied, "this host cannot confine a caller to \(confinement.name)")
    }
}

/// A host's storage as a backend provides it to ``Host``: paths have been checked, operations that
/// change something are serialised, and whatever is called runs to its end even if the caller has left.
public protocol StorageBackend: DiskOperations, VolumeOperations, FilesystemOperations, SMBOperations,
    SystemOperations, ISCSIOperations
where Path == HostPath {}
