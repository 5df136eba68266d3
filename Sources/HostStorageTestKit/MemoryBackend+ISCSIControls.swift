// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import Synchronization

// Changes to the iSCSI targets around the host.
extension MemoryBackend {
    /// Sets up a target with one disk, which comes to the host when it logs in.
    ///
    /// - Parameters:
    ///   - chap: what a login has to prove; nil accepts every login.
    ///   - mutualSecret: what the target proves to a login that asks it to.
    public func addTarget(
        _ target: ISCSITarget, chap: CHAP? = nil, mutualSecret: Secret? = nil, size: Int64 = 1 << 30,
        content: DiskContent = .blank
    ) {
        host.withLock {
            $0.initiator.targets[target.name] = SimulatedTarget(
                portal: target.portal, chap: chap, mutualSecret: mutualSecret, size: size, content: content)
        }
    }
}
