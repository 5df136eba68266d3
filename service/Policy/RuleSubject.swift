// SPDX-License-Identifier: Apache-2.0

public import HostStorage

/// A subject of a call, resolved as far as a rule can be compared with it.
public enum RuleSubject: Sendable, Hashable {
    /// An absolute path of the host, in its own spelling.
    case path(String)
    /// The disk that is named, or that carries the volume that is named, by the names it gives itself.
    case disk(DiskIdentifiers)
    /// A service of the system.
    case service(ServiceName)

    /// Reads one from a command line: an absolute path, `page83=…`, `serial=…` or `service=…`.
    ///
    /// - Parameter drives: the host directories that the drives of a path in Windows spelling stand for.
    public init(_ text: String, drives: [Character: String] = [:]) throws(StorageError) {
        func value(of key: String) -> String? {
            text.utf8.starts(with: "\(key)=".utf8) ? String(text.dropFirst(key.count + 1)) : nil
        }
        if let page83 = value(of: "page83") {
            self = .disk(DiskIdentifiers(page83: page83, serialNumber: ""))
        } else if let serial = value(of: "serial") {
            self = .disk(DiskIdentifiers(page83: "", serialNumber: serial))
        } else if let service = value(of: "service") {
            self = .service(try ServiceName(service))
        } else if text.utf8.first == UInt8(ascii: "/") {
            self = .path(text)
        } else if text.isOnADrive {
            self = .path(try PathPolicy.hostPath(of: text, drives: drives))
        } else {
            throw StorageError(
                .invalidArgument, "a subject is an absolute path, page83=NAME, serial=NAME or service=NAME")
        }
    }
}
