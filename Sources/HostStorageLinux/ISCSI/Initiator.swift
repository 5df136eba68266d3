// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Synchronization

/// This process's state as an iSCSI initiator; the rest is open-iscsi's and the kernel's.
final class Initiator: Sendable {
    /// The secret that targets have to prove. It is in no file, so that it is set anew after every start.
    private let secret = Mutex<Secret?>(nil)

    func setMutualSecret(_ secret: Secret) { self.secret.withLock { $0 = secret } }

    func mutualSecret() throws(StorageError) -> Secret {
        guard let secret = secret.withLock({ $0 }) else {
            throw StorageError(
                .failedPrecondition,
                "no mutual CHAP secret is set; it is kept in memory alone, so set it once after every start")
        }
        return secret
    }
}
