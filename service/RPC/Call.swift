// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// One call, as its headers announce it. Metadata of the caller is not part of it: no header reaches a handler.
public struct Call: Sendable {
    public let peer: Peer
    /// As HTTP/2 has it: "/package.Service/Method".
    public let path: String
    /// When the caller stops waiting.
    public let deadline: NIODeadline?
    /// When the headers had been read.
    public let began: NIODeadline
}
