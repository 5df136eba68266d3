// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// Answers the one request of a connection, and closes it.
final class MetricsRequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let registry: MetricsRegistry
    private var head: HTTPRequestHead?

    init(_ registry: MetricsRegistry) { self.registry = registry }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): if self.head == nil { self.head = head }
        // It means nothing here, and there is little of it: see ``ConnectionBounds``.
        case .body: break
        case .end:
            guard let head else { return }
            answer(head, context)
            // Later bytes are not read.
            context.channel.setOption(.autoRead, value: false).whenFailure { _ in }
        }
    }

    /// A client that is cut off amidst a request, or speaks no HTTP, is no error to report.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        var headers = HTTPHeaders([("Connection", "close")])
        let (status, text): (HTTPResponseStatus, String)
        if request.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).first != "/metrics" {
            (status, text) = (.notFound, "metrics are at /metrics\n")
            headers.add(name: "Content-Type", value: "text/plain")
        } else if request.method != .GET, request.method != .HEAD {
            (status, text) = (.methodNotAllowed, "metrics can be got alone\n")
            headers.add(name: "Allow", value: "GET, HEAD")
            headers.add(name: "Content-Type", value: "text/plain")
        } else {
            (status, text) = (.ok, registry.text)
            headers.add(name: "Content-Type", value: Exposition.contentType)
        }
        let body = context.channel.allocator.buffer(string: text)
        headers.add(name: "Content-Length", value: "\(body.readableBytes)")
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))), promise: nil)
        if request.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }
}
