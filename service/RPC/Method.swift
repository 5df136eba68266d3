// SPDX-License-Identifier: Apache-2.0

/// One method that a service offers: bytes in, bytes out.
public struct Method: Sendable {
    /// As HTTP/2 has it: "/package.Service/Method".
    public let path: String
    /// The most bytes of a request.
    public let limit: Int
    let work: Work

    enum Work: Sendable {
        /// One message, and how it is answered.
        case one(@Sendable (Call, [UInt8]) throws(Status) -> Answer)
        /// Any number of messages, each answered when it comes.
        case each(@Sendable (Call, [UInt8]) throws(Status) -> [UInt8])
    }

    /// gRPC's customary 4 MiB.
    public static let customaryLimit = 4 << 20

    /// - Parameter answer: called on the event loop, which it must not hold up, with the bytes of the request.
    public init(
        _ path: String, limit: Int = Method.customaryLimit,
        answer: @escaping @Sendable (Call, [UInt8]) throws(Status) -> Answer
    ) {
        self.init(path, limit, .one(answer))
    }

    private init(_ path: String, _ limit: Int, _ work: Work) {
        (self.path, self.limit, self.work) = (path, limit, work)
    }

    /// A method whose callers send any number of messages and get an answer to each, in turn.
    ///
    /// - Parameters:
    ///   - limit: the most bytes of a message.
    ///   - answer: called on the event loop, which it must not hold up. An error ends the call.
    public static func each(
        _ path: String, limit: Int = Method.customaryLimit,
        answer: @escaping @Sendable (Call, [UInt8]) throws(Status) -> [UInt8]
    ) -> Method {
        Method(path, limit, .each(answer))
    }
}

/// How a request is answered.
public enum Answer: Sendable {
    /// The response is there.
    case now([UInt8])
    /// The response comes from a task on the event loop's thread. The task is cancelled when the caller leaves, the
    /// deadline passes or the connection ends.
    case later(@Sendable () async throws(Status) -> [UInt8])
    /// The response is a sequence of messages.
    case stream(@Sendable (ResponseWriter) async throws(Status) -> Void)
}
