// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

/// Connections to servers and portals.
@Suite(.timeLimit(.minutes(20))) struct ConnectionTests {
    /// Connects to a server that runs `talk` on its end, and then closes it.
    private static func connection(
        timeout: Int, _ talk: @escaping @Sendable (Int32) -> Void
    ) throws -> Connection {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isReady = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, size) == 0 && listen(listener, 1) == 0
                    && getsockname(listener, address, &size) == 0
            }
        }
        guard isReady else { throw CommandFailed("bind: errno \(errno)") }
        Thread {
            let end = accept(listener, nil, nil)
            close(listener)
            talk(end)
            close(end)
        }.start()
        let port = UInt16(bigEndian: address.sin_port)
        return try Connection(to: NetworkAddress.all(of: "127.0.0.1", port: port)[0], timeout: timeout)
    }

    @Test func whatIsSentArrivesWholeHoweverItCame() throws {
        let connection = try Self.connection(timeout: 60) { end in
            send(end, "ab", 2, 0)
            usleep(100_000)
            send(end, "cde", 3, 0)
            var bytes = [UInt8](repeating: 0, count: 3)
            recv(end, &bytes, 3, Int32(MSG_WAITALL))
            send(end, bytes, 3, 0)
        }
        #expect(try connection.receive(5) == Array("abcde".utf8))
        try connection.send(Array("xyz".utf8))
        #expect(try connection.receive(3) == Array("xyz".utf8))
    }

    /// Whether nothing comes, a byte now and then, or the end.
    @Test(arguments: [0, 25, 1]) func aServerThatDoesNotAnswerInTimeIsUnavailable(_ bytes: Int) throws {
        let connection = try Self.connection(timeout: 1) { end in
            if bytes == 0 { sleep(5) }
            for _ in 0..<bytes {
                send(end, "x", 1, Int32(MSG_NOSIGNAL))
                if bytes > 1 { usleep(200_000) }
            }
        }
        do throws(StorageError) {
            _ = try connection.receive(bytes == 1 ? 2 : 20)
            Issue.record("there was nothing to be received in time")
        } catch {
            #expect(error.code == .unavailable)
        }
    }

    @Test func aPortWithoutAListenerIsUnavailable() throws {
        let address = try NetworkAddress.all(of: "127.0.0.1", port: 1)[0]
        #expect(address.text == "127.0.0.1")
        do throws(StorageError) {
            _ = try Connection(to: address, timeout: 1)
            Issue.record("something listens there")
        } catch {
            #expect(error.code == .unavailable)
        }
    }

    @Test func aNameWithoutAddressesIsUnavailable() {
        expectError(.unavailable, "not resolved") { _ = try NetworkAddress.all(of: "nowhere.invalid", port: 1) }
    }
}
