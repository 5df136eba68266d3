// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// A run of a filesystem's tool on one device.
struct ToolRun: Sendable {
    let tool: ChildProgram
    let arguments: [String]
    let device: VolumeDevice
    /// Whether an exit status is a success.
    var isSuccess: @Sendable (Int32) -> Bool = { $0 == 0 }

    typealias Outcome = (status: Int32, errors: String)

    /// Runs the tool and waits until it has ended. The device is open meanwhile, so that its number cannot pass to another.
    ///
    /// - Throws: ``StorageError/Code/failedPrecondition`` with the program as its cause unless the run is a success.
    func toItsEnd(deadline: Duration) async throws(StorageError) -> Outcome {
        let outcome = try await tool.run(arguments, on: device, deadline: deadline)
        guard isSuccess(outcome.status) else { throw failure(outcome, "\(tool.name) failed") }
        return outcome
    }

    func failure(_ outcome: Outcome, _ detail: String) -> StorageError {
        StorageError(
            .failedPrecondition, detail, subject: device.path,
            cause: .program(tool.name, status: outcome.status, output: outcome.errors))
    }
}
