// SPDX-License-Identifier: Apache-2.0

/// Why a storage operation failed.
///
/// The set of codes is closed, so that a caller can decide by ``code`` alone. Everything else is for
/// people: ``description`` joins it to one sentence that never holds a secret and may always be logged.
public struct StorageError: Error, Sendable, Hashable, Codable {
    public var code: Code
    /// The operation, as a verb phrase: "mount volume".
    public var operation: String
    /// The operation's subject: a path, a volume ID, a disk number. Empty where there is no single one.
    public var subject: String
    /// The problem and, where it helps, its remedy.
    public var detail: String
    /// The system call or program that failed, where one did.
    public var cause: Cause?
    /// The holders of the subject, where they are the reason for the failure and could be found.
    public var holders: [Holder] = []
    /// Whether it comes of a ``CallConfinement``: nothing was done, and another confinement may allow it.
    package var isOfConfinement = false

    private enum CodingKeys: CodingKey { case code, operation, subject, detail, cause, holders }

    public init(
        _ code: Code, _ detail: String, operation: String = "", subject: String = "", cause: Cause? = nil
    ) {
        self.code = code
        self.operation = operation
        self.subject = subject
        self.detail = detail
        self.cause = cause
    }

    @nonexhaustive public enum Code: String, Sendable, Hashable, Codable, CaseIterable {
        /// The request is malformed and will never succeed.
        case invalidArgument
        /// The disk, volume or path does not exist.
        case notFound
        /// The thing to be created exists.
        case alreadyExists
        /// The caller may not do this: outside the roots, the running system's disk.
        case denied
        /// The host is not in the state that the operation needs. Nothing was changed.
        case failedPrecondition
        /// Something holds the disk, volume or path: a mount, a process, a device stacked on it.
        case busy
        /// Another operation on the same disk or path was under way for longer than the call would wait.
        case aborted
        /// A size is beyond what the disk can hold.
        case outOfRange
        /// A limit of this process was reached; the same call may succeed later.
        case exhausted
        /// This host or this API version cannot do it.
        case unsupported
        /// The other side of a socket is not there.
        case unavailable
        /// The deadline passed. The operation may still be running; see ``OperationRegistry``.
        case deadlineExceeded
        /// The caller gave up. The operation may still be running; see ``OperationRegistry``.
        case cancelled
        /// A device or filesystem reported an I/O error.
        case inputOutput
        /// The host refused a system call, or a program failed, for a reason that no other code names.
        case internalError
    }

    @nonexhaustive public enum Cause: Sendable, Hashable, Codable {
        /// A system call or library function, its errno and the text of that errno.
        case systemCall(String, errno: Int32, text: String)
        /// A program, its exit status and the end of its standard error.
        case program(String, status: Int32, output: String)
    }
}

extension StorageError {
    /// The same error with this operation and subject, unless it names some already.
    public func during(_ operation: String, _ subject: String = "") -> StorageError {
        var error = self
        if error.operation.isEmpty { error.operation = operation }
        if error.subject.isEmpty { error.subject = subject }
        return error
    }
}

extension StorageError: CustomStringConvertible {
    public var description: String {
        var text = [operation, subject].filter { !$0.isEmpty }.joined(separator: " ")
        if !text.isEmpty { text += ": " }
        text += detail
        if !holders.isEmpty { text += "; held by \(Self.list(holders))" }
        if let cause { text += " (\(cause))" }
        return text.inOneLine
    }

    /// Enough names to begin with.
    private static func list(_ holders: [Holder]) -> String {
        let shown = holders.prefix(8).map(\.description).joined(separator: ", ")
        return holders.count <= 8 ? shown : "\(shown) and \(holders.count - 8) more"
    }
}

extension StorageError.Cause: CustomStringConvertible {
    public var description: String {
        switch self {
        case .systemCall(let call, let errno, let text): "\(call): \(text), errno \(errno)"
        case .program(let name, let status, let output):
            output.isEmpty ? "\(name): status \(status)" : "\(name): status \(status): \(output)"
        }
    }
}
