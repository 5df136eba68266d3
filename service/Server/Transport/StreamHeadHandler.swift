// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHPACK
import NIOHTTP2

/// The first handler of every HTTP/2 stream: passes only the headers that gRPC needs, numbers the stream in one more,
/// notifies its token when it closes, and reports methods that are not there.
///
/// No other header of a client reaches code that could read it wrongly.
final class StreamHeadHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTP2Frame.FramePayload

    private let peer: PeerCredentials
    private let tokens: StreamLifetimes
    private let methods: ServedMethods
    private var call: (number: UInt64, token: StreamLifetime)?

    /// The headers that gRPC answers by. All of them are compared with known values, and parsed no further.
    private static let needed: Set<String> = [
        ":method", ":scheme", ":path", "content-type", "grpc-encoding", "grpc-accept-encoding",
    ]

    init(_ peer: PeerCredentials, _ tokens: StreamLifetimes, _ methods: ServedMethods) {
        self.peer = peer
        self.tokens = tokens
        self.methods = methods
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .headers(var head) = unwrapInboundIn(data) else {
            context.fireChannelRead(data)
            return
        }
        let given = head.headers
        head.headers = HPACKHeaders(given.filter { Self.needed.contains($0.name) }.map { ($0.name, $0.value) })
        // Trailers, which no client of gRPC sends, begin no call.
        if call == nil {
            if !methods.paths.contains(given.first(name: ":path") ?? "") { methods.onUnknown() }
            let token = StreamLifetime(peer: peer, timeout: CallTimeout(given))
            let number = tokens.add(token)
            call = (number, token)
            head.headers.add(name: StreamLifetimes.headerName, value: String(number))
        }
        context.fireChannelRead(wrapInboundOut(.headers(head)))
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let call {
            _ = tokens.take(call.number)
            call.token.close()
        }
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // gRPC takes this event for a cancellation of the call; calls under way are to end normally.
        if event is ChannelShouldQuiesceEvent { return }
        context.fireUserInboundEventTriggered(event)
    }
}

/// The methods of one socket.
struct ServedMethods: Sendable {
    /// As HTTP/2 has them: "/v1.Disk/Rescan".
    let paths: Set<String>
    /// Called for each call of an unknown method.
    let onUnknown: @Sendable () -> Void
}
