# SPDX-License-Identifier: Apache-2.0
"""Clients without manners, in numbers: the proxy's memory, descriptors and processor stay its own."""
import contextlib
import os
import pathlib
import socket
import threading
import time

import pytest

from http2 import (DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, PUSH_PROMISE, RST_STREAM, SETTINGS, block,
                   frame, head, message)
from test_process import Started, until

PATH = "/v1.Filesystem/PathExists"
CALL = frame(HEADERS, END_HEADERS, 1, block(head(PATH)))
GREETING = PREFACE + frame(SETTINGS, 0, 0)
BROKEN = [
    # A body that is begun, and a frame that is never right.
    GREETING + CALL + frame(DATA, 0, 1, message(b"x" * 100, length=4 << 20)) + frame(PUSH_PROMISE, 0, 1),
    # A call, and a block that cannot be read.
    GREETING + CALL + frame(DATA, END_STREAM, 1, message(b"\x0a\x01/")) + frame(HEADERS, END_HEADERS, 3, b"\x80"),
    GREETING + b"".join(frame(HEADERS, END_HEADERS, 2 * n + 1, block(head(PATH))) for n in range(90))
    + frame(RST_STREAM, 0, 0),
    b"GET / HTTP/1.1\r\n\r\n",
    # These are left by the client.
    PREFACE[:10],
    GREETING + frame(HEADERS, 0, 1, b"\0"),
]
IS_ANSWERED = 4


@pytest.fixture
def running(directory):
    with Started(directory) as started:
        # The files of the sockets are there before it has begun to serve them.
        until(lambda: started.is_ready() and is_answered(started), what="it does not answer")
        yield started


def status_of(running, name):
    lines = pathlib.Path(f"/proc/{running.process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])


def descriptors(running):
    return len(os.listdir(f"/proc/{running.process.pid}/fd"))


def is_answered(running):
    with running.service("filesystem") as files:
        return files.PathExists(path=running.kubelet, timeout=20).exists


def connect(running):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    while True:
        try:
            connection.connect(str(running.pipes / "csi-proxy-filesystem-v1"))
            return connection
        except BlockingIOError:  # Its backlog is full.
            time.sleep(0.001)


def break_connections(running, count):
    for number in range(count):
        with connect(running) as connection, contextlib.suppress(OSError):
            connection.sendall(BROKEN[number % len(BROKEN)])
            if number % len(BROKEN) < IS_ANSWERED:
                while connection.recv(65536):
                    pass


def test_broken_connections_leave_nothing(running):
    """The stack before this one kept 200 kB of each that had calls."""
    break_connections(running, 2000)
    until(lambda: descriptors(running) < 100, what="connections are left")
    before = status_of(running, "VmRSS")
    break_connections(running, 20000)
    until(lambda: descriptors(running) < 100, what="connections are left")
    assert status_of(running, "VmRSS") - before < 4096
    assert is_answered(running)


def flood(running, stop):
    """Honest calls, as many as the proxy takes, whose answers are read and thrown away."""
    while not stop.is_set():
        with contextlib.suppress(OSError), connect(running) as connection:
            connection.sendall(GREETING)
            connection.settimeout(0.05)
            for start in range(1, 200000, 200):
                calls = (frame(HEADERS, END_HEADERS, stream, block(head(PATH)))
                         + frame(DATA, END_STREAM, stream, message(b"\x0a\x01/")) for stream in range(start, start + 200, 2))
                if stop.is_set():
                    return
                connection.sendall(b"".join(calls))
                with contextlib.suppress(TimeoutError):
                    connection.recv(1 << 20)


def test_a_flood_neither_silences_others_nor_keeps_it_from_ending(running):
    stop = threading.Event()
    floods = [threading.Thread(target=flood, args=(running, stop)) for _ in range(8)]
    for one in floods:
        one.start()
    try:
        for _ in range(20):
            assert is_answered(running)
        assert status_of(running, "VmRSS") < 200 << 10
        assert running.ends() == 0
    finally:
        stop.set()
        for one in floods:
            one.join()


def test_sigterm_ends_it_whatever_its_clients_have_begun(running):
    with contextlib.ExitStack() as at_end:
        for sent in BROKEN + [b"", GREETING, GREETING + CALL, GREETING + CALL + frame(DATA, 0, 1, b"\0\0\0\0")]:
            at_end.enter_context(connect(running)).sendall(sent)
        assert is_answered(running)
        began = time.monotonic()
        assert running.ends(seconds=60) == 0
        # 5 s are its clients', and a machine may be slow.
        assert time.monotonic() - began < 50
