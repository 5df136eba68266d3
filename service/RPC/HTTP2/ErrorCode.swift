// SPDX-License-Identifier: Apache-2.0

/// Why a stream or a connection ends (RFC 9113, section 7). Thrown where the connection cannot go on.
enum ErrorCode: UInt32, Error {
    case none, protocolError, internalError, flowControl, settingsTimeout, streamClosed, frameSize, refusedStream
    case cancel, compression, connect, enhanceYourCalm
}
