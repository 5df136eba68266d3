// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import Synchronization

// Changes to the iSCSI targets around the host.
extension MemoryBackend {
    /// Sets up a target with one disk, which comes to the host when it logs in.
    ///
    /// - Parameters:
    ///   - chap: the name and secret that a login has to prove; nil accepts every login.
    ///   - mutualSecret: the secret that the target proves on request.
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
