// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHPACK
import NIOHTTP2

/// The first handler of every HTTP/2 stream: numbers the stream in a header, in place of any that the
/// client sent, tells its token when it closes, and tells of methods that are not there.
final class StreamHeadHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTP2Frame.FramePayload

    private let token: StreamToken
    private let tokens: StreamTokens
    private let methods: ServedMethods
    private var number: UInt64?

    init(_ token: StreamToken, _ tokens: StreamTokens, _ methods: ServedMethods) {
        self.token = token
        self.tokens = tokens
        self.methods = methods
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard number == nil, case .headers(var head) = unwrapInboundIn(data) else {
            context.fireChannelRead(data)
            return
        }
        if !methods.paths.contains(head.headers.first(name: ":path") ?? "") { methods.onUnknown() }
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

/// The methods of one socket.
struct ServedMethods: Sendable {
    /// As HTTP/2 has them: "/v1.Disk/Rescan".
    let paths: Set<String>
    /// Called for each call of another.
    let onUnknown: @Sendable () -> Void
}
