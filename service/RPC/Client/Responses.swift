// SPDX-License-Identifier: Apache-2.0

/// The messages of a call that is answered with a sequence. The server is let go on as they are taken. It can be gone
/// through once; its end ends the call.
public struct Responses: AsyncSequence, Sendable {
    public typealias Element = [UInt8]
    public typealias Failure = Status

    private let holder: Holder

    init(client: Client, call: ClientCall) { holder = Holder(client, call) }

    public func makeAsyncIterator() -> Iterator { Iterator(holder: holder) }

    /// Cancels the call when no one can take its messages any more.
    fileprivate final class Holder: Sendable {
        let client: Client
        let call: ClientCall

        init(_ client: Client, _ call: ClientCall) { (self.client, self.call) = (client, call) }

        deinit { client.cancel(call) }
    }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let holder: Holder

        public mutating func next(isolation actor: isolated (any Actor)?) async throws(Status) -> [UInt8]? {
            try await holder.client.next(of: holder.call)
        }

        public mutating func next() async throws(Status) -> [UInt8]? {
            try await holder.client.next(of: holder.call)
        }
    }
}
