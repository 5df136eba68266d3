// SPDX-License-Identifier: Apache-2.0

/// What callers may take of a server. Bytes are those of buffers, not of what is in them.
public struct ServerLimits: Sendable {
    /// Calls of one connection: under way, or with a task that has not ended.
    public var streams = 100
    /// Bytes of incomplete requests, and of responses that wait for their callers: of one connection, one process, one
    /// user, and all.
    public var bytesPerConnection = 8 << 20
    public var bytesPerProcess = 16 << 20
    public var bytesPerUser = 32 << 20
    public var bytes = 64 << 20
    /// In which a client may send a thousand frames that bring no call on.
    public var chatterSeconds = 10
    /// Until a client has sent its preface and settings.
    public var handshakeSeconds = 10
    /// Until a frame or a header block is complete.
    public var frameSeconds = 20
    /// Until a request is complete.
    public var requestSeconds = 60
    /// Until a caller has to take something of a response that waits for it.
    public var stallSeconds = 60
    /// Until a connection without calls is ended in peace.
    public var idleSeconds = 1_800
    /// Until a client that has been told that its connection ends may open no more calls, if it does not say before that
    /// it has read so.
    public var drainSeconds = 1
    /// Until a silent peer is asked whether it is there, and how long it then has to answer.
    public var keepaliveSeconds = 120
    public var keepaliveTimeoutSeconds = 30

    public init() {}
}
