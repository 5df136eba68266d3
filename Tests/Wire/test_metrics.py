# SPDX-License-Identifier: Apache-2.0
"""Metrics over HTTP: a scraper's view, by Prometheus's own parser, and the answers to other clients of the port.

Scenario 5: metrics are on, a call is made, and its method is in the histogram."""
import contextlib
import http.client
import os
import pathlib
import re
import socket
import time

import grpc
import pytest
from grpc import StatusCode
from prometheus_client.parser import text_string_to_metric_families

from eventually import PATIENCE, eventually
from proxy import Proxy
from test_access import ALICE, call_as, open_to_all, path_request
from test_starting import sockets_left
from wire import refused

BUCKETS = ["0.001", "0.01", "0.1", "0.3", "0.6", "1", "3", "6", "9", "20", "30", "60", "90", "120", "+Inf"]


class Metrics:
    """The result of one scrape."""

    def __init__(self, text):
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}

    def value(self, name, **labels):
        """Of the one sample that has these labels and no others."""
        found = [sample.value for family in self.families.values() for sample in family.samples
                 if sample.name == name and sample.labels == labels]
        assert len(found) <= 1, f"{name} {labels} is there {len(found)} times"
        return found[0] if found else None


def port_of(proxy):
    # Its sockets may be served before.
    found = eventually("the log has the port", lambda: re.search(
        r"address=127\.0\.0\.1:(\d+) .*serving metrics", proxy.log.read_text()))
    return int(found[1])


@pytest.fixture
def measured(start_proxy):
    """A proxy with metrics, on a port that the system chose."""
    proxy = start_proxy("--metrics-bind-address", "127.0.0.1:0")
    proxy.port = port_of(proxy)
    return proxy


def ask(proxy, method="GET", path="/metrics", **more):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE)
    try:
        connection.request(method, path, **more)
        response = connection.getresponse()
        return response, response.read().decode()
    finally:
        connection.close()


def scrape(proxy):
    response, text = ask(proxy)
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Metrics(text)


def labels(method, service="v1.Filesystem", **more):
    return {"grpc_type": "unary", "grpc_service": service, "grpc_method": method, **more}


# -- Counters ----------------------------------------------------------------------------------------------------


def test_a_call_is_in_the_histogram(measured):
    with refused(StatusCode.NOT_FOUND):
        measured.service("filesystem").CreateSymlink(
            target_path=measured.kubelet / "no" / "link", source_path=measured.kubelet / "source")
    metrics = scrape(measured)
    assert 'grpc_server_handling_seconds_bucket{grpc_method="CreateSymlink"' in metrics.text
    call = labels("CreateSymlink")
    assert metrics.value("grpc_server_started_total", **call) == 1
    assert metrics.value("grpc_server_handled_total", **call, grpc_code="NotFound") == 1
    assert metrics.value("grpc_server_msg_received_total", **call) == 1
    assert metrics.value("grpc_server_msg_sent_total", **call) is None


def test_the_histogram_adds_up(measured):
    for _ in range(7):
        measured.service("filesystem").PathExists(path=measured.kubelet)
    metrics = scrape(measured)
    assert metrics.families["grpc_server_handling_seconds"].type == "histogram"
    counts = [metrics.value("grpc_server_handling_seconds_bucket", **labels("PathExists"), le=bound)
              for bound in BUCKETS]
    assert counts == sorted(counts) and counts[-1] == 7
    assert metrics.value("grpc_server_handling_seconds_count", **labels("PathExists")) == 7
    assert 0 < metrics.value("grpc_server_handling_seconds_sum", **labels("PathExists")) < 7
    assert metrics.value("grpc_server_handled_total", **labels("PathExists"), grpc_code="OK") == 7
    assert metrics.value("grpc_server_msg_sent_total", **labels("PathExists")) == 7


def test_every_version_is_counted_by_itself(measured):
    for version in ["v1beta1", "v1", "v1"]:
        measured.service("disk", version).ListDiskLocations()
    metrics = scrape(measured)
    assert metrics.value("grpc_server_started_total", **labels("ListDiskLocations", "v1.Disk")) == 2
    assert metrics.value("grpc_server_started_total", **labels("ListDiskLocations", "v1beta1.Disk")) == 1


def test_refused_and_malformed_calls_are_counted(measured):
    open_to_all(measured)
    for _ in range(2):
        assert call_as(measured, "filesystem", "v1", "PathExists", path_request(measured.kubelet), uid=ALICE,
                       gid=ALICE) == "PERMISSION_DENIED"
    files = measured.service("filesystem")
    with refused(StatusCode.INVALID_ARGUMENT):
        files.PathExists(path="relative")
    metrics = scrape(measured)
    assert metrics.value("grpc_server_handled_total", **labels("PathExists"), grpc_code="PermissionDenied") == 2
    assert metrics.value("grpc_server_handled_total", **labels("PathExists"), grpc_code="InvalidArgument") == 1
    assert metrics.value("csi_proxy_refused_calls_total") == 2


def test_methods_that_are_not_there_are_one_series(measured):
    channel = measured.channel("filesystem", "v1")
    for number in range(50):
        with refused(StatusCode.UNIMPLEMENTED):
            channel.unary_unary(f"/made.Up{number}/Method{number}", lambda x: x, lambda x: x)(b"", timeout=PATIENCE)
    metrics = scrape(measured)
    assert metrics.value("grpc_server_started_total", **labels("unknown")) == 50
    assert metrics.value("grpc_server_handled_total", **labels("unknown"), grpc_code="Unimplemented") == 50
    assert "made" not in metrics.text and "Method" not in metrics.text


def test_nothing_of_a_request_is_shown(measured):
    name = "a-name-that-nobody-else-has"
    measured.service("filesystem").PathExists(path=measured.kubelet / name)
    with refused(StatusCode.PERMISSION_DENIED):
        measured.service("filesystem").Mkdir(path=f"/etc/{name}")
    text = scrape(measured).text
    assert name not in text and str(measured.kubelet) not in text and "/etc" not in text


def seen_from_outside(process):
    """How many descriptors and threads it has."""
    return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))


def test_the_process_is_measured(measured):
    process = pathlib.Path("/proc") / str(measured.process.pid)
    # The connections by which it was seen to be ready end one after the other, and so do threads.
    tries = []

    def measures_itself():
        """The metrics, if they agree with the kernel's numbers."""
        before = seen_from_outside(process)
        metrics = scrape(measured)
        said, after = (metrics.value("process_open_fds"), metrics.value("process_threads")), seen_from_outside(process)
        tries.append(f"{before} before, {said} said, {after} after")
        # The connection that asks is open meanwhile, and one before it may still be ending.
        is_so = before == after and said[1] == after[1] and 0 <= said[0] - after[0] <= 2
        return metrics if is_so else None

    metrics = eventually(
        "it counts its descriptors and threads as the kernel does", measures_itself, lambda: "\n".join(tries[-5:]))
    pages = int((process / "statm").read_text().split()[1])
    assert metrics.value("process_resident_memory_bytes") == pytest.approx(pages * 4096, rel=0.5)
    # By the kernel's clocks, in ticks: its start, and its use since.
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    boot = int(re.search(r"btime (\d+)", pathlib.Path("/proc/stat").read_text())[1])
    assert metrics.value("process_start_time_seconds") == pytest.approx(boot + int(fields[19]) / ticks, abs=2)
    assert 0 <= metrics.value("process_cpu_seconds_total") <= (int(fields[11]) + int(fields[12])) / ticks + 0.1
    for name in ["running", "waiting"]:
        assert metrics.value(f"csi_proxy_operations_{name}") == 0
    assert metrics.value("csi_proxy_oldest_operation_seconds") == 0
    assert metrics.value("csi_proxy_stuck_operations") == 0


def test_every_metric_is_described_and_of_a_kind(measured):
    measured.service("filesystem").PathExists(path=measured.kubelet)
    for family in scrape(measured).families.values():
        assert family.documentation.endswith(".") and family.type in {"counter", "gauge", "histogram"}, family.name


# -- The port -----------------------------------------------------------------------------------------------------


def listening_ports(process):
    """TCP ports that the process listens on."""
    inodes = set()
    for file in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        # The connections by which it was seen to be ready end meanwhile.
        with contextlib.suppress(FileNotFoundError):
            inodes.update(re.findall(r"socket:\[(\d+)\]", os.readlink(file)))
    lines = [line.split() for name in ("tcp", "tcp6") for line in
             pathlib.Path(f"/proc/{process.pid}/net/{name}").read_text().splitlines()[1:]]
    return {int(line[1].split(":")[1], 16) for line in lines if line[3] == "0A" and line[9] in inodes}


def test_without_the_flag_nothing_listens(start_proxy, measured):
    assert listening_ports(measured.process) == {measured.port}
    assert listening_ports(start_proxy().process) == set()


def test_a_port_that_is_taken_fails_the_start_and_leaves_no_sockets(scratch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        proxy = Proxy(scratch / "taken-port", "--metrics-bind-address", address)
        assert proxy.process.wait(timeout=PATIENCE) == 1
        assert address in proxy.log.read_text()
        assert not proxy.pipes.exists() or not sockets_left(proxy)


def test_a_taken_socket_leaves_no_port(scratch, measured):
    """All or none, the other way round: this one's port is free, its directory is another's."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    second = Proxy(measured.directory, "--metrics-bind-address", f"127.0.0.1:{port}", kubelet=measured.kubelet)
    assert second.process.wait(timeout=PATIENCE) == 1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    assert scrape(measured)


@pytest.mark.parametrize("address", ["localhost", "localhost:x", "::1:9180", "localhost:70000"])
def test_an_address_that_is_none_is_a_usage_error(scratch, address):
    proxy = Proxy(scratch / f"address-{address.replace(':', '-')}", "--metrics-bind-address", address)
    assert proxy.process.wait(timeout=PATIENCE) == 64
    assert "--metrics-bind-address" in proxy.log.read_text()


def test_a_proxy_with_metrics_ends_cleanly_and_can_start_again(scratch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for _ in range(2):
        proxy = Proxy(scratch / "again", "--metrics-bind-address", f"127.0.0.1:{port}")
        proxy.wait_until_ready()
        proxy.port = port
        with socket.create_connection(("127.0.0.1", port)) as silent:
            silent.send(b"GET /met")
            scrape(proxy)
            assert proxy.stop() == 0


# -- Other requests, and other clients ----------------------------------------------------------------------------


@pytest.mark.parametrize("method,path,status", [
    ("GET", "/", 404), ("GET", "/metrics/", 404), ("GET", "/metricsx", 404), ("GET", "/../metrics", 404),
    ("GET", "/debug/pprof", 404), ("POST", "/metrics", 405), ("DELETE", "/metrics", 405), ("PUT", "/x", 404),
    ("GET", "/metrics?name=x", 200), ("HEAD", "/metrics", 200),
])
def test_only_metrics_can_be_got(measured, method, path, status):
    response, text = ask(measured, method, path)
    assert response.status == status
    assert ("# TYPE" in text) == (status == 200 and method == "GET")
    if status == 405:
        assert response.headers["Allow"] == "GET, HEAD"
    if method == "HEAD":
        assert text == "" and int(response.headers["Content-Length"]) > 500


def raw(proxy, request, timeout=PATIENCE):
    """The answer to these bytes, until the connection is closed."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout) as connection:
        connection.sendall(request)
        answer = b""
        try:
            while part := connection.recv(65536):
                answer += part
        except ConnectionResetError:
            pass
        return answer


@pytest.mark.parametrize("request_bytes", [
    b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
    b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
    b"POST /metrics HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 20000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0" * 100, b"SSH-2.0-x\r\n\r\n",
])
def test_what_is_no_small_request_gets_no_metrics(measured, request_bytes):
    try:
        answer = raw(measured, request_bytes)
    except (ConnectionResetError, BrokenPipeError):
        answer = b""
    assert b"# TYPE" not in answer
    scrape(measured)


def test_one_connection_is_for_one_request(measured):
    answer = raw(measured, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
    assert answer.count(b"HTTP/1.1 ") == 1 and b"\r\nConnection: close\r\n" in answer


def test_silent_clients_hold_nothing_for_long(measured):
    """Hundreds of connections that send nothing: few are held, none for long, and calls are answered meanwhile."""
    silent = [socket.create_connection(("127.0.0.1", measured.port), timeout=PATIENCE) for _ in range(300)]
    try:
        time.sleep(0.5)
        open_files = len(list(pathlib.Path(f"/proc/{measured.process.pid}/fd").iterdir()))
        assert open_files < 100
        assert measured.service("filesystem").PathExists(path=measured.kubelet).exists
        deadline = time.monotonic() + PATIENCE
        for connection in silent:
            connection.settimeout(max(0.1, deadline - time.monotonic()))
            try:
                assert connection.recv(1) == b""
            except ConnectionResetError:
                pass
    finally:
        for connection in silent:
            connection.close()
    scrape(measured)
