// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// A mount in the making (fsopen(2), Linux 5.2): options are set one by one, so that no value can inject another
/// option, and the new mount is attached nowhere yet.
struct MountContext: ~Copyable {
    private let context: Descriptor
    /// The subject of errors.
    private let subject: String

    /// - Parameter type: the kernel's name of the filesystem; its module is loaded where it is one.
    init(_ type: String, _ subject: String) throws(StorageError) {
        self.subject = subject
        do throws(StorageError) {
            context = Descriptor(owning: try checkErrno(fsopen(type, UInt32(FSOPEN_CLOEXEC)), "fsopen", subject))
        } catch  where error.isSystemCall(errno: ENODEV) {
            throw StorageError(
                .unsupported, "this machine's kernel has no \(type), neither built in nor as a module",
                subject: subject,
                cause: error.cause)
        }
    }

    func set(_ key: String, _ value: String) throws(StorageError) {
        try configure(fsconfig(context.raw, FSCONFIG_SET_STRING.rawValue, key, value, 0))
    }

    func set(_ flag: String) throws(StorageError) {
        try configure(fsconfig(context.raw, FSCONFIG_SET_FLAG.rawValue, flag, nil, 0))
    }

    /// Mounts it, attached nowhere: it ends with the descriptor unless it is attached.
    ///
    /// - Parameter attributes: MOUNT_ATTR_….
    func mount(attributes: UInt32 = 0) throws(StorageError) -> Descriptor {
        try configure(fsconfig(context.raw, FSCONFIG_CMD_CREATE.rawValue, nil, nil, 0))
        let mount = fsmount(context.raw, UInt32(FSMOUNT_CLOEXEC), attributes)
        do throws(StorageError) {
            return Descriptor(owning: try checkErrno(mount, "fsmount", subject))
        } catch {
            throw explained(error)
        }
    }

    private func configure(_ result: Int32) throws(StorageError) {
        do throws(StorageError) {
            try checkErrno(result, "fsconfig", subject)
        } catch {
            throw explained(error)
        }
    }

    /// The error in the kernel's own words, where it has any.
    private func explained(_ error: StorageError) -> StorageError {
        var error = error
        let words = messages()
        if !words.isEmpty { error.detail = words.joined(separator: "; ") }
        return error
    }

    /// The kernel's messages about a failed mount: lines that begin with "e ", "w " or "i ".
    private func messages() -> [String] {
        var lines: [String] = []
        var buffer = [UInt8](repeating: 0, count: 1024)
        while lines.count < 8 {
            let count = read(context.raw, &buffer, buffer.count)
            guard count > 2 else { return lines }
            var line = String(decoding: buffer[2..<count], as: UTF8.self)
            if line.hasSuffix("\n") { line.removeLast() }
            lines.append(line)
        }
        return lines
    }
}
