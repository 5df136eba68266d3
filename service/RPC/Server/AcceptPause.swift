// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore

/// Stops accepting for a moment where descriptors or memory have run out: the connections wait in the backlog.
///
/// NIO's own handler delays the next read, and the one that failed stays pending: the socket is still readable, so the
/// loop would try again and again.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private static let pause = TimeAmount.milliseconds(100)

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let code = (error as? IOError)?.errnoCode, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code) {
            let channel = context.channel
            try? channel.syncOptions?.setOption(.autoRead, value: false)
            context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
                try? channel.syncOptions?.setOption(.autoRead, value: true)
            }
        }
        context.fireErrorCaught(error)
    }
}
