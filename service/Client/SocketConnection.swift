// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import RPC

/// The connection to one socket, which is made when it is needed and made anew where it has ended. It ends with this.
final class SocketConnection: Sendable {
    let client: Client

    init(path: String, connectTimeout: Duration) {
        client = Client(
            path: path, on: MultiThreadedEventLoopGroup.singleton.any(), connectTimeout: TimeAmount(connectTimeout))
    }

    deinit { client.close() }
}
