// SPDX-License-Identifier: Apache-2.0

import Glibc

extension AccessPolicy {
    /// Reads the policy file at `path`.
    ///
    /// The writers of the file decide the rights of all callers, so one that others than its owner can write, or that
    /// belongs to neither root nor this process's user, is refused.
    public init(
        file path: String, methods: MethodCatalogue, names: AccountNames, drives: [Character: String]? = nil
    ) throws(PolicyFaults) {
        do throws(PolicyFaults) {
            try self.init(yaml: try Self.contents(of: path), methods: methods, names: names, drives: drives)
        } catch {
            throw PolicyFaults(error.faults, file: path)
        }
    }

    private static func contents(of path: String) throws(PolicyFaults) -> [UInt8] {
        // Not to wait for the other end, should it be a pipe.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw fault("the file cannot be opened: \(String(cString: strerror(errno)))") }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else {
            throw fault("the file cannot be examined: \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw fault("it is no regular file") }
        guard status.st_uid == 0 || status.st_uid == geteuid() else {
            throw fault("it belongs to uid \(status.st_uid), which could change it")
        }
        guard status.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
            throw fault("others than its owner can write it (mode 0\(String(status.st_mode & 0o7777, radix: 8)))")
        }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: maximumFileSize + 1)
        while bytes.count <= maximumFileSize {
            let count = read(file, &part, part.count)
            guard count >= 0 else { throw fault("the file cannot be read: \(String(cString: strerror(errno)))") }
            if count == 0 { break }
            bytes += part[..<count]
        }
        return bytes
    }

    private static func fault(_ text: String) -> PolicyFaults { PolicyFaults([PolicyFault(line: nil, text)]) }
}
