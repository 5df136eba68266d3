// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHPACK
import NIOHTTP2

/// The first handler of every HTTP/2 stream: numbers the stream in a header, in place of any that the
/// client sent, and tells its token when it closes.
final class StreamHeadHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTP2Frame.FramePayload

    private let token: StreamToken
    private let tokens: StreamTokens
    private var number: UInt64?

    init(_ token: StreamToken, _ tokens: StreamTokens) {
        self.token = token
        self.tokens = tokens
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard number == nil, case .headers(var head) = unwrapInboundIn(data) else {
            context.fireChannelRead(data)
            return
        }
        let number = tokens.add(token)
        self.number = number
        head.headers.remove(name: StreamTokens.headerName)
        head.headers.add(name: StreamTokens.headerName, value: String(number))
        context.fireChannelRead(wrapInboundOut(.headers(head)))
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let number { _ = tokens.take(number) }
        token.close()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // gRPC takes this event for a cancellation of the call; calls under way are to end in peace.
        if event is ChannelShouldQuiesceEvent { return }
        context.fireUserInboundEventTriggered(event)
    }
}
