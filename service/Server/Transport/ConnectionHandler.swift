// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The first handler of every connection: carries the peer's credentials, and ensures that no connection keeps the
/// server from ending.
///
/// gRPC ends a connection by HTTP/2's own means, which takes a client that speaks it. A connection that has sent
/// nothing is closed when the server stops, and any other a while after gRPC should have done it.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    let peer: PeerCredentials
    private var hasSpoken = false

    /// More than what gRPC itself gives calls under way.
    private static let timeout: TimeAmount = .seconds(10)

    init(_ peer: PeerCredentials) { self.peer = peer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        hasSpoken = true
        context.fireChannelRead(data)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            guard hasSpoken else {
                context.close(promise: nil)
                return
            }
            let channel = context.channel
            let late = context.eventLoop.scheduleTask(in: Self.timeout) { channel.close(promise: nil) }
            channel.closeFuture.whenComplete { _ in late.cancel() }
        }
        context.fireUserInboundEventTriggered(event)
    }
}
