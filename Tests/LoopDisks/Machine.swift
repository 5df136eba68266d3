// SPDX-License-Identifier: Apache-2.0

import Foundation
public import Testing

/// The virtual machine of Tests/Machine, for tests that need features that a test machine's kernel may lack: SCSI
/// disks, device-mapper, RAID, a partition parser, all capabilities.
public enum Machine {
    /// Whether this process runs in it. Its first process sets the variable.
    public static let isHere = ProcessInfo.processInfo.environment["HOST_STORAGE_MACHINE"] != nil
}

extension Trait where Self == ConditionTrait {
    /// Leaves a test to the virtual machine, in which `tools/test` runs all that have this trait.
    public static var inMachine: Self { .enabled(if: Machine.isHere, "runs in the virtual machine: make test") }
}
