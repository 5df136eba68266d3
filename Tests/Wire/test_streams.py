# SPDX-License-Identifier: Apache-2.0
"""Nothing that a client writes into a stream ends the proxy, or the calls of another client."""
import contextlib
import random

import pytest
from grpc import StatusCode

import http2
from http2 import (CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PRIORITY, PUSH_PROMISE,
                   RST_STREAM, SETTINGS, WINDOW_UPDATE, Connection, block, frame, head, message, status)
from proxy import SOCKETS
from wire import methods

PATH = "/v1.Disk/Rescan"
HUGE = "x" * 6000


@pytest.fixture
def lives(proxy, disks):
    """After the test the proxy still is the one that it was, and answers."""
    pid = proxy.process.pid
    disks.Rescan()
    yield
    assert proxy.process.poll() is None and proxy.process.pid == pid, "the proxy has ended"
    disks.Rescan()


def call(proxy, headers, body=message(), socket=("disk", "v1")):
    with Connection(proxy.socket(*socket)) as connection:
        connection.send(frame(HEADERS, END_HEADERS, 1, block(headers)) + frame(DATA, END_STREAM, 1, body))
        return connection.end_of(1)


def is_no_text(value):
    """HTTP/2 may refuse control characters in a value."""
    value = value if isinstance(value, bytes) else value.encode()
    return any(byte < 32 for byte in value) or value != value.strip()


UNREADABLE = [
    "-1S", "-0S", "-99999999H", "-1", "-", "", "S", "1", "+1S", " 1S", "1S ", "1 S", "1s", "1h", "1.5S", "1e3S",
    "0x1S", "100000000S", "999999999H", "9223372036854775807S", "9223372036854775808S", "1" * 400 + "S", "1SS", "1S1S",
    "1S,2S", "١S", "１S", "1\u0130", "1m\u0301", "\u221e", "\u00bdS", "1\x00S", "nan", "infS", b"\xff\xfeS", b"1\xc0S", "--1S",
    "1_0S", "S1", "\t1S", "1\n", "Ⅷ" + "S",
]
READABLE = ["99999999H", "99999999M", "99999999S", "99999999m", "00000001M", "20S", "9999999H"]
OVER = ["0S", "0n", "1n", "00000000H", "1u"]


@pytest.mark.parametrize("value", UNREADABLE, ids=repr)
def test_a_timeout_that_cannot_be_read_is_an_invalid_argument_and_ends_nothing_else(proxy, lives, value):
    # Some bytes are no header at all to HTTP/2, and end the stream or the connection.
    ends = (StatusCode.INVALID_ARGUMENT.value[0], *(["reset", "goaway", "closed"] if is_no_text(value) else []))
    assert status(call(proxy, head(PATH, ("grpc-timeout", value)))) in ends


@pytest.mark.parametrize("value", READABLE)
def test_a_timeout_that_can_be_read_is_taken(proxy, lives, value):
    assert status(call(proxy, head(PATH, ("grpc-timeout", value)))) == 0


@pytest.mark.parametrize("value", OVER)
def test_a_timeout_that_is_over_at_once_ends_its_call(proxy, lives, value):
    # The work may have been quicker.
    assert status(call(proxy, head(PATH, ("grpc-timeout", value)))) in (0, StatusCode.DEADLINE_EXCEEDED.value[0])


@pytest.mark.parametrize("values", [("1S", "-1S"), ("-1S", "1S"), ("1S", "1S"), ("", "")])
def test_two_timeouts_are_an_invalid_argument(proxy, lives, values):
    headers = head(PATH, *[("grpc-timeout", value) for value in values])
    assert status(call(proxy, headers)) == StatusCode.INVALID_ARGUMENT.value[0]


def test_every_socket_bears_it(proxy, lives):
    for group, version in SOCKETS:
        path = f"/{version}.{group.capitalize()}/{next(iter(methods(group, version)))}"
        assert status(call(proxy, head(path, ("grpc-timeout", "-1S")), socket=(group, version))) != "closed", path


HEADS = {
    "none": [],
    "no path": head("", without=[":path"]),
    "two paths": head(PATH, (":path", PATH)),
    "no method": head(PATH, without=[":method"]),
    "get": head(PATH, method="GET"),
    "connect": head(PATH, method="CONNECT"),
    "head": head(PATH, method="HEAD"),
    "no scheme": head(PATH, without=[":scheme"]),
    "another scheme": head(PATH, scheme="ftp"),
    "status": head(PATH, (":status", "200")),
    "protocol": head(PATH, (":protocol", "websocket")),
    "pseudo header last": head(PATH, ("a", "b"), (":path", PATH)),
    "another te": head(PATH, ("te", "gzip")),
    "no te": head(PATH, without=["te"]),
    "connection": head(PATH, ("connection", "keep-alive")),
    "upper case": head(PATH, ("Grpc-Timeout", "-1S")),
    "empty name": head(PATH, ("", "x")),
    "name with a blank": head(PATH, ("a b", "x")),
    "name with a zero": head(PATH, ("a\0b", "x")),
    "name of many languages": head(PATH, ("grpc-tïmeout", "-1S")),
    "value with line breaks": head(PATH, ("x", "a\r\nb: c")),
    "value with a zero": head(PATH, ("x", "a\0b")),
    "value that is no text": head(PATH, ("x", b"\xff\xfe\xfd")),
    "our own number": head(PATH, ("host-storage-stream", "1"), ("host-storage-stream", "-1")),
    "our own number, huge": head(PATH, ("host-storage-stream", "18446744073709551616")),
    "no content type": head(PATH, without=["content-type"]),
    "another content type": head(PATH, content_type="application/json"),
    "a content type of grpc": head(PATH, content_type="application/grpc;charset=utf-8"),
    "two content types": head(PATH, ("content-type", "text/plain")),
    "huge": head(PATH, ("x", HUGE)),
    "many": head(PATH, *[(f"x{n}", "y") for n in range(300)]),
    "the same often": head(PATH, *[("x", "y")] * 300),
}
for name in ("-1", "0", "5", "99999999999999999999", "-9223372036854775808", "9223372036854775807", "x", "", "+5", "5, 5"):
    HEADS[f"content-length {name}"] = head(PATH, ("content-length", name))
HEADS["two lengths"] = head(PATH, ("content-length", "5"), ("content-length", "6"))
for name in ("gzip", "deflate", "identity", "snappy", "", "gzip,gzip", "identity, gzip", "\u2713", HUGE):
    HEADS[f"encoding {name[:9]}"] = head(PATH, ("grpc-encoding", name))
    HEADS[f"accept {name[:9]}"] = head(PATH, ("grpc-accept-encoding", name))
HEADS["two encodings"] = head(PATH, ("grpc-encoding", "gzip"), ("grpc-encoding", "identity"))
for value in ("", "=", "====", "a", "ab", "abc", "abc=", "!!!!", "YQ==", "YQ", "YQ=", "\u00e9", "a" * 5001, "YQ==,YQ=="):
    HEADS[f"binary {value[:9]}"] = head(PATH, ("x-bin", value), ("grpc-trace-bin", value), ("-bin", value))
for path in ("", "/", "//", "///", "/v1.Disk", "/v1.Disk/", "/v1.Disk//Rescan", "v1.Disk/Rescan", "/v1.Disk/Rescan/",
             "/v1.Disk/Rescan?x", "/v1.Disk/Nothing", "/v9.Disk/Rescan", "*", "/\u00e9/\u00e9", "/\u0301/\u0301", "/e\u0301/\u0301x", "/%00/x",
             "/a\0b/c", "/" + HUGE, "/x/" + HUGE, "http://localhost/v1.Disk/Rescan", b"/\xff/\xff", "/ / ", "/grpc.health.v1.Health/Check"):
    HEADS[f"path {path[:24]!r}"] = head(path)


@pytest.mark.parametrize("headers", HEADS.values(), ids=list(HEADS))
def test_no_header_ends_the_proxy(proxy, lives, headers):
    call(proxy, headers)
    with Connection(proxy.socket("disk", "v1")) as connection:
        # The same without a message, and in two frames.
        connection.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block(headers)))
        data = block(headers)
        connection.send(frame(HEADERS, END_STREAM, 3, data[:7]) + frame(CONTINUATION, END_HEADERS, 3, data[7:]))
        connection.send(frame(PING, 0, 0, b"12345678"))
        for kind, flags, _, _ in connection.frames():
            if kind == GOAWAY or kind == PING:
                break


MESSAGES = {
    "nothing": b"",
    "one byte": b"\0",
    "four bytes": b"\0" * 4,
    "cut off": message(b"abc")[:-1],
    "too long by one": message(b"") + b"\0",
    "longer than said": message(b"abc", length=1),
    "length of 4 GiB": message(b"", length=0xFFFFFFFF),
    "length of 2 GiB": message(b"", length=0x80000000),
    "length over the limit": message(b"", length=(16 << 20) + 1),
    "two messages": message() + message(),
    "many messages": message() * 2000,
    "no protobuf": message(b"\xff" * 50),
    "a negative length in it": message(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
    "deep groups": message(b"\x0b" * 2000),
    **{f"flag {flag}": message(b"", flag=flag) for flag in (1, 2, 3, 127, 128, 255)},
    **{f"flag {flag} and bytes": message(b"\x08\x01", flag=flag) for flag in (1, 2, 3, 127, 128, 255)},
}


@pytest.mark.parametrize("encoding", [None, "identity", "gzip", "deflate"])
@pytest.mark.parametrize("body", MESSAGES.values(), ids=list(MESSAGES))
def test_no_message_ends_the_proxy(proxy, lives, body, encoding):
    more = [("grpc-encoding", encoding)] if encoding else []
    call(proxy, head(PATH, *more), body)
    call(proxy, head("/v1.Disk/GetDiskStats", *more), body)


STREAMS = {
    "data before headers": frame(DATA, END_STREAM, 1, message()),
    "data on stream 0": frame(DATA, END_STREAM, 0, message()),
    "headers on stream 0": frame(HEADERS, END_HEADERS, 0, block(head(PATH))),
    "an even stream": frame(HEADERS, END_HEADERS, 2, block(head(PATH))),
    "the last stream": frame(HEADERS, END_HEADERS | END_STREAM, 0x7FFFFFFF, block(head(PATH))),
    "the reserved bit": frame(HEADERS, END_HEADERS | END_STREAM, 0x80000001, block(head(PATH))),
    "trailers": frame(HEADERS, END_HEADERS, 1, block(head(PATH))) + frame(DATA, 0, 1, message())
    + frame(HEADERS, END_HEADERS | END_STREAM, 1, block([("grpc-timeout", "-1S"), ("x-bin", "!")])),
    "headers twice": frame(HEADERS, END_HEADERS, 1, block(head(PATH))) * 2,
    "headers after the end": frame(HEADERS, END_HEADERS | END_STREAM, 1, block(head(PATH))) * 2,
    "data after the end": frame(HEADERS, END_HEADERS, 1, block(head(PATH))) + frame(DATA, END_STREAM, 1, message()) * 2,
    "reset at once": frame(HEADERS, END_HEADERS, 1, block(head(PATH))) + frame(RST_STREAM, 0, 1, b"\0\0\0\x08"),
    "reset of nothing": frame(RST_STREAM, 0, 1, b"\0\0\0\x08"),
    "reset twice": frame(HEADERS, END_HEADERS, 1, block(head(PATH))) + frame(RST_STREAM, 0, 1, b"\0\0\0\x08") * 2,
    "padding longer than the frame": frame(DATA, PADDED, 1, b"\xff"),
    "push promise": frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02" + block(head(PATH))),
    "window of 0": frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\0"),
    "window beyond the greatest": frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 2,
    "settings of no length": frame(SETTINGS, 0, 0, b"\0\x04"),
    "settings of a window of 4 GiB": frame(SETTINGS, 0, 0, b"\0\x04\xff\xff\xff\xff"),
    "settings of a window of 0": frame(SETTINGS, 0, 0, b"\0\x04\0\0\0\0") + frame(HEADERS, 5, 1, block(head(PATH))),
    "settings of a frame of 0": frame(SETTINGS, 0, 0, b"\0\x05\0\0\0\0"),
    "settings of a table of 4 GiB": frame(SETTINGS, 0, 0, b"\0\x01\xff\xff\xff\xff"),
    "acknowledged settings with a payload": frame(SETTINGS, 1, 0, b"\0\x01\0\0\0\0"),
    "goaway": frame(GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\0") + frame(HEADERS, 5, 1, block(head(PATH))),
    "a priority on itself": frame(PRIORITY, 0, 1, b"\0\0\0\x01\0"),
    "a ping of 7 bytes": frame(PING, 0, 0, b"1234567"),
    "continuation of nothing": frame(CONTINUATION, END_HEADERS, 1, block(head(PATH))),
    "continuation without end": frame(HEADERS, 0, 1, block(head(PATH))) + frame(CONTINUATION, 0, 1, b"") * 500,
    "headers cut off": frame(HEADERS, END_HEADERS, 1, block(head(PATH))[:-3]),
    "an index that is not there": frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\x0f"),
    "index 0": frame(HEADERS, END_HEADERS, 1, b"\x80"),
    "an integer without end": frame(HEADERS, END_HEADERS, 1, b"\xff" * 200),
    "a text longer than the block": frame(HEADERS, END_HEADERS, 1, b"\0\x7f\xff\xff\xff\x07abc"),
    "a bad huffman code": frame(HEADERS, END_HEADERS, 1, b"\0\x84\xff\xff\xff\xff\x01a"),
    "a table size of 4 GiB": frame(HEADERS, END_HEADERS, 1, b"\x3f\xe1\xff\xff\xff\x0f"),
    "an unknown frame": frame(0x77, 0xFF, 1, b"x" * 100),
    "a frame that is too long": frame(DATA, 0, 1, b"x" * 20000),
}


@pytest.mark.parametrize("sent", STREAMS.values(), ids=list(STREAMS))
def test_no_frame_ends_the_proxy(proxy, lives, sent):
    with Connection(proxy.socket("disk", "v1")) as connection:
        connection.send(sent)
        connection.send(frame(PING, 0, 0, b"12345678"))
        connection.socket.settimeout(2)
        try:
            for kind, _, _, _ in connection.frames():
                if kind in (GOAWAY, PING):
                    break
        except TimeoutError:
            pass


def test_no_mutation_of_a_call_ends_the_proxy(proxy, lives):
    """The same mutations each time, so that a failure can be looked at."""
    chance = random.Random(11)
    timeouts = ["-1S", "1S", "99999999H", "-", "0n"]
    for _ in range(300):
        data = bytearray(
            http2.PREFACE + frame(SETTINGS, 0, 0)
            + frame(HEADERS, END_HEADERS, 1, block(head(PATH, ("grpc-timeout", chance.choice(timeouts)), ("x-bin", "YQ"))))
            + frame(DATA, END_STREAM, 1, message(b"\x08\x01")))
        for _ in range(chance.randrange(1, 6)):
            position = chance.randrange(len(http2.PREFACE), len(data))
            match chance.randrange(3):
                case 0: data[position] = chance.randrange(256)
                case 1: del data[position]
                case _: data.insert(position, chance.randrange(256))
        connection = Connection(proxy.socket("disk", "v1"))
        connection.send(bytes(data))
        # Until it is read, so that not more connections wait than a socket holds.
        connection.socket.settimeout(0.2)
        with contextlib.suppress(OSError):
            connection.socket.recv(65536)
        connection.socket.close()
    assert proxy.process.poll() is None
