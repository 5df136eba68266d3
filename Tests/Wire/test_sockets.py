# SPDX-License-Identifier: Apache-2.0
"""The sockets themselves: who serves what where, and callers that behave oddly."""
import os
import signal
import socket
import stat

import grpc
import pytest
from grpc import StatusCode

from proxy import SOCKETS, Proxy
from wire import OLDER_METHODS, PATIENCE, methods, refused

NEWER_METHODS = [
    ("disk", "v1alpha1", "ListDiskIDs"),
    ("disk", "v1beta1", "SetAttachState"),
    ("disk", "v1", "DiskStats"),
    ("volume", "v1alpha1", "VolumeStats"),
    ("volume", "v1", "DismountVolume"),
    ("volume", "v1", "GetClosestVolumeIDFromTargetPath"),
    ("filesystem", "v1", "RmdirContents"),
    ("filesystem", "v1", "LinkPath"),
    ("filesystem", "v1beta1", "CreateSymlink"),
]


def call_raw(channel, method, request=b""):
    call = channel.unary_unary(method, request_serializer=lambda x: x, response_deserializer=lambda x: x)
    return call(request, timeout=PATIENCE)


@pytest.mark.parametrize("group, version", SOCKETS)
def test_every_method_of_a_version_is_served(proxy, group, version):
    for method in methods(group, version):
        service = f"{version}.{group.capitalize()}"
        try:
            # Not a message: whatever is answered, the method is there.
            call_raw(proxy.channel(group, version), f"/{service}/{method}", b"\xff")
        except grpc.RpcError as error:
            assert error.code() not in (StatusCode.UNIMPLEMENTED, StatusCode.UNKNOWN, StatusCode.UNAVAILABLE)


@pytest.mark.parametrize("group, version", SOCKETS)
def test_an_unknown_method_is_unimplemented(proxy, group, version):
    with refused(StatusCode.UNIMPLEMENTED):
        call_raw(proxy.channel(group, version), f"/{version}.{group.capitalize()}/NoSuchMethod")


@pytest.mark.parametrize("group, version, method", NEWER_METHODS)
def test_a_method_of_another_version_is_unimplemented(proxy, group, version, method):
    assert method not in methods(group, version)
    with refused(StatusCode.UNIMPLEMENTED):
        call_raw(proxy.channel(group, version), f"/{version}.{group.capitalize()}/{method}")


def test_a_socket_serves_its_own_group_and_version_alone(proxy):
    for group, version in SOCKETS:
        with refused(StatusCode.UNIMPLEMENTED):
            other = "Rescan" if group != "disk" else "PathExists"
            call_raw(proxy.channel(group, version), f"/{version}.{'Disk' if group != 'disk' else 'Filesystem'}/{other}")
    with refused(StatusCode.UNIMPLEMENTED):
        call_raw(proxy.channel("disk", "v1"), "/v1beta3.Disk/Rescan")


def test_sockets_are_closed_to_others(proxy):
    for group, version in SOCKETS:
        mode = proxy.socket(group, version).stat().st_mode
        assert stat.S_ISSOCK(mode) and mode & 0o007 == 0
    assert proxy.pipes.stat().st_mode & 0o007 == 0


# -- Odd callers --------------------------------------------------------------------------------------------------


def test_silent_connections_do_not_keep_others_waiting(proxy):
    """csi-proxy's own client opens a connection only to see whether the pipe is there, and never uses it."""
    silent = []
    try:
        for _ in range(50):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(proxy.socket("disk", "v1")))
            silent.append(connection)
        # A connection of its own, not one that another test has opened already.
        options = [("grpc.default_authority", "localhost"), ("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(f"unix:{proxy.socket('disk', 'v1')}", options=options) as channel:
            call_raw(channel, "/v1.Disk/ListDiskLocations")
    finally:
        for connection in silent:
            connection.close()


def test_a_connection_that_speaks_something_else_harms_nobody(proxy, files, kubelet):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(proxy.socket("filesystem", "v1")))
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + bytes(range(256)) * 16)
        assert files.PathExists(path=kubelet).exists


@pytest.mark.parametrize("group, version", SOCKETS)
def test_any_authority_will_do(proxy, group, version):
    """A Windows client's target, and so its authority, is the pipe's name."""
    method = {"disk": "ListDiskLocations", "volume": "NoSuchMethod", "filesystem": "NoSuchMethod"}[group]
    channel = proxy.channel(group, version, authority=rf"\\.\pipe\csi-proxy-{group}-{version}")
    try:
        call_raw(channel, f"/{version}.{group.capitalize()}/{method}")
    except grpc.RpcError as error:
        assert error.code() == StatusCode.UNIMPLEMENTED and method == "NoSuchMethod"


def test_what_is_no_message_is_refused(proxy):
    for request in (b"\xff\xff\xff", b"\x0a\x05ab", b"\x0a\x02\xff\xfe"):
        with pytest.raises(grpc.RpcError) as caught:
            call_raw(proxy.channel("filesystem", "v1"), "/v1.Filesystem/PathExists", request)
        assert caught.value.code() in (StatusCode.INTERNAL, StatusCode.INVALID_ARGUMENT)


def test_a_path_of_a_mebibyte_is_refused(files):
    with refused(StatusCode.INVALID_ARGUMENT):
        files.PathExists(path="/" + "a" * (1 << 20))


def test_a_message_above_four_mebibytes_is_refused(proxy, files):
    with refused(StatusCode.RESOURCE_EXHAUSTED):
        files.PathExists(path="/" + "a" * (5 << 20))
    # The connection is none the worse.
    assert files.PathExists(path=proxy.kubelet).exists


# -- Starting and ending ------------------------------------------------------------------------------------------


def test_a_second_proxy_on_the_same_directory_fails_and_leaves_the_first_alone(proxy, scratch, files, kubelet):
    second = Proxy(scratch / "shared", kubelet=proxy.kubelet)
    assert second.process.wait(timeout=20) != 0
    assert files.PathExists(path=kubelet).exists
    for group, version in SOCKETS:
        assert proxy.socket(group, version).exists()


def test_one_taken_socket_fails_the_start_and_leaves_nothing_behind(scratch):
    directory = scratch / "taken"
    (directory / "pipes").mkdir(parents=True)
    taken = directory / "pipes" / "csi-proxy-volume-v1beta2"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(taken))
        listener.listen()
        proxy = Proxy(directory)
        assert proxy.process.wait(timeout=20) != 0
        assert taken.name in proxy.log.read_text()
        left = {path.name for path in proxy.pipes.iterdir() if path.is_socket()}
        assert left == {taken.name}


def test_a_stale_socket_file_is_replaced(scratch):
    directory = scratch / "stale"
    (directory / "pipes").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / "pipes" / "csi-proxy-disk-v1"))
    with Proxy(directory) as proxy:
        proxy.service("disk").ListDiskLocations()


def ends_cleanly(proxy, ending=signal.SIGTERM):
    os.kill(proxy.process.pid, ending)
    assert proxy.process.wait(timeout=20) == 0
    assert not [path for path in proxy.pipes.iterdir() if path.is_socket()]


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_proxy_that_is_asked_to_end_takes_its_sockets_along(start_proxy, ending):
    proxy = start_proxy()
    proxy.service("disk").ListDiskLocations()
    ends_cleanly(proxy, ending)


def test_a_proxy_can_be_asked_to_end_as_soon_as_its_sockets_are_there(start_proxy):
    ends_cleanly(start_proxy())


def test_a_silent_connection_does_not_keep_a_proxy_from_ending(start_proxy):
    proxy = start_proxy()
    proxy.service("disk").ListDiskLocations()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(proxy.socket("disk", "v1")))
        ends_cleanly(proxy)


def test_the_names_of_older_methods_are_all_in_use():
    """Keeps the table of the test's own client honest."""
    everywhere = {name for group, version in SOCKETS for name in methods(group, version)}
    assert set(OLDER_METHODS) | set(OLDER_METHODS.values()) <= everywhere
