// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// A TCP connection on which nothing takes long: each step fails as `UNAVAILABLE` where the other side is silent or slow.
/// Sleeps in the kernel.
struct Connection: ~Copyable {
    private let socket: Descriptor
    private let timeout: Duration

    /// - Parameter timeout: for each step, in seconds.
    init(to address: NetworkAddress, timeout: Int) throws(StorageError) {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let socket = Descriptor(owning: try checkErrno(Glibc.socket(address.family, kind, 0), "socket", address.text))
        // Connecting counts as sending: socket(7).
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            var time = timeval(tv_sec: timeout, tv_usec: 0)
            let size = socklen_t(MemoryLayout<timeval>.size)
            try checkErrno(setsockopt(socket.raw, SOL_SOCKET, option, &time, size), "setsockopt", address.text)
        }
        let result = address.bytes.withUnsafeBytes {
            connect(socket.raw, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count))
        }
        if result < 0 { throw Self.silence(errno, "connect") }
        self.socket = socket
        self.timeout = .seconds(timeout)
    }

    func send(_ bytes: [UInt8]) throws(StorageError) {
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes {
                Glibc.send(socket.raw, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Self.silence(errno, "send") }
            done += count
        }
    }

    /// As many bytes as are asked for.
    func receive(_ count: Int) throws(StorageError) -> [UInt8] {
        let end = ContinuousClock.now + timeout
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: count)
        while bytes.count < count {
            // A server that sends a byte now and then is not silent.
            guard ContinuousClock.now < end else { throw Self.silence(ETIMEDOUT, "recv") }
            let got = recv(socket.raw, &buffer, count - bytes.count, 0)
            guard got > 0 else { throw Self.silence(got == 0 ? ECONNRESET : errno, "recv") }
            bytes += buffer[..<got]
        }
        return bytes
    }

    private static func silence(_ code: Int32, _ call: String) -> StorageError {
        // The kernel's "in progress" and "again" stand for a timeout.
        let code = code == EINPROGRESS || code == EAGAIN ? ETIMEDOUT : code
        var error = StorageError(errno: code, call)
        error.code = .unavailable
        error.detail = "it does not answer"
        return error
    }
}
