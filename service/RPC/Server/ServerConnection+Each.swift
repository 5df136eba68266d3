// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Calls whose messages are answered one by one, as they come, until the caller has sent its last.
///
/// While answers wait for the caller, its messages wait too: what it may send is bounded by its stream's window, which
/// is not opened again before.
extension ServerConnection {
    /// What answering a message costs of a turn: as much as a small call.
    private static let costOfMessage = 16

    func received(_ data: inout ByteBuffer, ofEach stream: ServerStream) {
        stream.body.discardReadBytes()
        let needed = stream.body.readableBytes + data.readableBytes
        if needed > stream.heldForBody {
            let capacity = max(needed, 256).roundedUpToPowerOf2
            guard hold(capacity - stream.heldForBody) else {
                return finish(stream, Status(.resourceExhausted, "too many requests are incomplete"))
            }
            stream.heldForBody = capacity
        }
        stream.body.writeBuffer(&data)
        answerEach(stream)
    }

    /// Answers what has come, as far as the caller takes the answers.
    func answerEach(_ stream: ServerStream) {
        guard case .each(let answer) = stream.method.work, !stream.isAnswering else { return }
        // Sending tells that something has been sent, which would call this again.
        stream.isAnswering = true
        defer { stream.isAnswering = false }
        do throws(Status) {
            while stream.isOpen, !stream.isAnswered {
                guard stream.pending.readableBytes < SendQueue.enough else { return }
                guard let message = try nextMessage(of: stream) else { return allRead(stream) }
                stream.ageSeconds = 0
                charge(Self.costOfMessage)
                _ = try send(try answer(stream.call, message), on: stream)
            }
        } catch {
            if stream.isOpen, !stream.isAnswered { finish(stream, error) }
        }
    }

    private func nextMessage(of stream: ServerStream) throws(Status) -> [UInt8]? {
        do throws(MessageFault) {
            return try stream.body.readMessage(limit: stream.method.limit)
        } catch {
            throw error.status
        }
    }

    private func allRead(_ stream: ServerStream) {
        let rest = stream.body.readableBytes
        if rest == 0 { release(bodyOf: stream) }
        guard stream.isRemoteEnded else { return offer(stream) }
        finish(stream, rest == 0 ? Status(.ok, "") : Status(.invalidArgument, "the message is cut short"))
    }
}
