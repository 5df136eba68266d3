// SPDX-License-Identifier: Apache-2.0

// Backends name mounts by their places on the host, callers are told paths in the policy's dialect.
extension Holder {
    func told(by paths: PathPolicy) -> Holder {
        guard case .mount(let target, let process) = self else { return self }
        return .mount(target: paths.spelling(ofHostPath: target), seenByProcess: process)
    }
}

extension StorageError {
    func told(by paths: PathPolicy) -> StorageError {
        var error = self
        error.holders = holders.map { $0.told(by: paths) }
        return error
    }
}
