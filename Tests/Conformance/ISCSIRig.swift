// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// A rig with an iSCSI target within its host's reach.
protocol ISCSIRig: ConformanceRig {
    /// Sets up a target with one blank disk at the rig's portal.
    ///
    /// - Parameters:
    ///   - chap: the name and secret that a login has to prove; nil accepts every login.
    ///   - mutual: the name and secret that the target proves on request.
    func addTarget(chap: CHAP?, mutual: CHAP?) async throws -> ISCSITarget
}
