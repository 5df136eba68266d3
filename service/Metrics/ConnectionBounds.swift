// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The first handler of every connection: closes it when it has sent more than a request takes, or has been open for
/// too long, in any state.
final class ConnectionBounds: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private static let bytes = 8 << 10
    private static let time: TimeAmount = .seconds(10)

    private var received = 0
    private var deadline: Scheduled<Void>?

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: Self.time) { channel.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += unwrapInboundIn(data).readableBytes
        guard received <= Self.bytes else { return context.close(promise: nil) }
        context.fireChannelRead(data)
    }
}
