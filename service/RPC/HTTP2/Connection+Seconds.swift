// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension Connection {
    /// Counts a second for what must not last.
    final func countSecond() {
        quietSeconds += 1
        partialSeconds = hasPartialInput ? partialSeconds + 1 : 0
        unwritableSeconds = context?.channel.isWritable == false ? unwritableSeconds + 1 : 0
        for stream in streams.values { stream.idleSeconds += 1 }
    }
}
