// SPDX-License-Identifier: Apache-2.0

public import HostStorage

extension MemoryBackend {
    public func addPortal(_ portal: ISCSIPortal) throws(StorageError) {
        try simulate { host in
            if host.initiator.portals[portal] == nil { host.initiator.portals[portal] = [] }
        }
    }

    public func portals() throws(StorageError) -> [ISCSIPortal] {
        try simulate { host in
            host.initiator.portals.keys.sorted { $0.description < $1.description }
        }
    }

    public func removePortal(_ portal: ISCSIPortal) throws(StorageError) {
        try simulate { host throws(StorageError) in
            try host.initiator.requireKnown(portal)
            host.initiator.portals[portal] = nil
        }
    }

    public func discoverTargets(at portal: ISCSIPortal) throws(StorageError) -> [ISCSIName] {
        try simulate { host throws(StorageError) in
            try host.initiator.requireKnown(portal)
            let names = host.initiator.targets.filter { $0.value.portal == portal }.keys
            guard !names.isEmpty else { throw StorageError(.unavailable, "portal \(portal) does not answer") }
            host.initiator.portals[portal] = Set(names)
            return names.sorted { $0.description < $1.description }
        }
    }

    public func connectTarget(
        _ target: ISCSITarget, as authentication: ISCSIAuthentication
    ) throws(StorageError) {
        try simulate { host throws(StorageError) in
            guard host.initiator.sessions[target] == nil else { return }
            try host.initiator.requireKnown(target.portal)
            guard host.initiator.portals[target.portal]?.contains(target.name) == true else {
                throw StorageError(.notFound, "\(target) has not been discovered")
            }
            let found = try host.initiator.requireLogin(target.name, authentication)
            host.initiator.sessions[target] = try host.attachDisk(size: found.size, content: found.content)
        }
    }

    public func disconnectTarget(_ target: ISCSITarget) throws(StorageError) {
        try simulate { host throws(StorageError) in
            guard let number = host.initiator.sessions[target] else { return }
            if let disk = host.disks[number] {
                try host.refuseMounted(disk)
                // Written data stay on the target.
                host.initiator.targets[target.name]?.content = disk.content
            }
            host.disks[number]?.isAttached = false
            host.initiator.sessions[target] = nil
        }
    }

    public func disks(of target: ISCSITarget) throws(StorageError) -> [DiskNumber] {
        try simulate { host in
            host.initiator.sessions[target].map { [$0] } ?? []
        }
    }

    public func setMutualCHAPSecret(_ secret: Secret) throws(StorageError) {
        try simulate { host in host.initiator.mutualSecret = secret }
    }
}
