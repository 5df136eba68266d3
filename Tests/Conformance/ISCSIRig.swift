// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// A rig with an iSCSI target within its host's reach.
protocol ISCSIRig: ConformanceRig {
    /// Sets up a target with one blank disk at the rig's portal.
    ///
    /// - Parameters:
    ///   - chap: what a login has to prove; nil accepts every login.
    ///   - mutual: what the target proves to a login that asks it to.
    func addTarget(chap: CHAP?, mutual: CHAP?) async throws -> ISCSITarget
}
