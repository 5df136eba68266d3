// SPDX-License-Identifier: Apache-2.0

import Subprocess
import SystemPackage

/// The threads that programs are started and waited for by. The library makes them with the first program, and where
/// that fails it never tries again.
package enum ToolThreads {
    /// For programs, at their start.
    package static func begin() async {
        _ = try? await Subprocess.run(.path("/bin/true"), output: .discarded, error: .discarded)
    }
}
