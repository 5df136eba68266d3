# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 as a client that keeps to no rules would write it: raw frames, and headers of any text.

Source: RFC 9113 (frames), RFC 7541 (HPACK; only literals without indexing and without Huffman codes are written).
"""
import socket
import struct
import time

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED = 1, 4, 8
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def integer(value, prefix, first=0):
    limit = (1 << prefix) - 1
    if value < limit:
        return bytes([first | value])
    out = bytearray([first | limit])
    value -= limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    out.append(value)
    return bytes(out)


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return integer(len(value), 7) + value


def block(headers):
    return b"".join(b"\0" + text(name) + text(value) for name, value in headers)


def message(payload=b"", flag=0, length=None):
    return struct.pack(">BI", flag, len(payload) if length is None else length) + payload


def head(path, *more, without=(), scheme="http", method="POST", content_type="application/grpc"):
    """A call's headers, and more of them."""
    usual = [(":method", method), (":scheme", scheme), (":path", path), (":authority", "localhost"),
             ("te", "trailers"), ("content-type", content_type)]
    return [header for header in usual if header[0] not in without] + list(more)


class Connection:
    """One connection. Ends at the latest with its block, and no read waits for longer than `patience`."""

    def __init__(self, path, patience=20):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(patience)
        self.socket.connect(str(path))
        self.deadline = time.monotonic() + patience

    def __enter__(self):
        self.send(PREFACE + frame(SETTINGS, 0, 0))
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """A server may have had enough of the client before it has read everything."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def frames(self):
        """All received bytes, until the other side closes."""
        data = b""
        while True:
            while len(data) >= 9:
                length = int.from_bytes(data[:3], "big")
                if len(data) < 9 + length:
                    break
                kind, flags, stream = struct.unpack(">BBI", data[3:9])
                yield kind, flags, stream, data[9:9 + length]
                data = data[9 + length:]
            if time.monotonic() > self.deadline:
                raise TimeoutError("the connection neither ends nor says what it is waited for")
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                return
            if not more:
                return
            data += more

    def end_of(self, stream):
        """How a stream ends: the last block of headers, "reset", "goaway" or "closed"."""
        for kind, flags, number, payload in self.frames():
            if kind == GOAWAY:
                return "goaway"
            if number == stream and kind == RST_STREAM:
                return "reset"
            if number == stream and kind in (HEADERS, DATA) and flags & END_STREAM:
                return payload
        return "closed"


def status(outcome):
    """The number of the gRPC status that a stream ended with, or how else it ended."""
    if isinstance(outcome, str):
        return outcome
    # The proxy writes literals without Huffman codes.
    _, found, value = outcome.partition(text("grpc-status"))
    assert found
    return int(value[1:1 + value[0]])
