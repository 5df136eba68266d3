// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// The simulated host as an iSCSI initiator, and the targets around it.
struct SimulatedInitiator: Sendable {
    var targets: [ISCSIName: SimulatedTarget] = [:]
    /// The targets discovered at the portals that were added.
    var portals: [ISCSIPortal: Set<ISCSIName>] = [:]
    var sessions: [ISCSITarget: DiskNumber] = [:]
    var mutualSecret: Secret?

    func requireKnown(_ portal: ISCSIPortal) throws(StorageError) {
        guard portals[portal] != nil else { throw StorageError(.notFound, "portal \(portal) has not been added") }
    }

    /// Fails as a login would.
    func requireLogin(_ name: ISCSIName, _ authentication: ISCSIAuthentication) throws(StorageError) -> SimulatedTarget
    {
        guard let target = targets[name] else { throw StorageError(.notFound, "there is no target \(name)") }
        let (chap, answer): (CHAP?, Secret?)
        let isMutual: Bool
        switch authentication {
        case .none: (chap, answer, isMutual) = (nil, nil, false)
        case .oneWay(let proof): (chap, answer, isMutual) = (proof, nil, false)
        case .mutual(let proof, let other): (chap, answer, isMutual) = (proof, other?.secret ?? mutualSecret, true)
        }
        guard target.chap == chap else { throw StorageError(.denied, "target \(name) refuses the login") }
        guard !isMutual || target.mutualSecret != nil && target.mutualSecret == answer else {
            throw StorageError(.denied, "target \(name) does not prove the mutual CHAP secret")
        }
        return target
    }
}

/// A target with one disk.
struct SimulatedTarget: Sendable {
    var portal: ISCSIPortal
    /// The name and secret that a login has to prove; nil accepts every login.
    var chap: CHAP?
    /// The secret that it proves on request.
    var mutualSecret: Secret?
    var size: Int64
    var content: DiskContent
}
