// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Sends the messages of one call.
public struct ResponseWriter: Sendable {
    let connection: ServerConnection
    let stream: ServerStream

    /// Returns when the caller takes more. One message at a time.
    public func send(_ message: [UInt8]) async throws(Status) {
        let isOnLoop = connection.loop.inEventLoop
        if isOnLoop, try connection.send(message, on: stream) { return }
        do {
            try await withCheckedThrowingContinuation { next in
                connection.onLoop {
                    do throws(Status) {
                        if !isOnLoop, try connection.send(message, on: stream) { return next.resume() }
                        connection.wait(for: stream, next)
                    } catch {
                        next.resume(throwing: error)
                    }
                }
            }
        } catch {
            throw error as? Status ?? Status(.cancelled, "the call has ended")
        }
    }
}
