# SPDX-License-Identifier: Apache-2.0
"""The sockets themselves: their services, and callers that behave oddly."""
import socket

import grpc
import pytest
from grpc import StatusCode

from eventually import PATIENCE
from proxy import SOCKETS
from wire import OLDER_METHODS, methods, refused

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
    ("iscsi", "v1alpha1", "SetMutualChapSecret"),
]


def new_connection(proxy, group, version):
    """One of its own, not one that another test has opened already."""
    options = [("grpc.default_authority", "localhost"), ("grpc.use_local_subchannel_pool", 1)]
    return grpc.insecure_channel(f"unix:{proxy.socket(group, version)}", options=options)


def call_raw(channel, method, request=b""):
    call = channel.unary_unary(method, request_serializer=lambda x: x, response_deserializer=lambda x: x)
    return call(request, timeout=PATIENCE)


@pytest.mark.parametrize("group, version", SOCKETS)
def test_every_method_of_a_version_is_served(proxy, group, version):
    for method in methods(group, version):
        service = f"{version}.{group.capitalize()}"
        try:
            # Not a message: any answer shows that the method is there.
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


# -- Odd callers --------------------------------------------------------------------------------------------------


def test_silent_connections_do_not_keep_others_waiting(proxy):
    """csi-proxy's own client opens a connection only to see whether the pipe is there, and never uses it."""
    silent = []
    try:
        for _ in range(50):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(proxy.socket("disk", "v1")))
            silent.append(connection)
        with new_connection(proxy, "disk", "v1") as channel:
            call_raw(channel, "/v1.Disk/ListDiskLocations")
    finally:
        for connection in silent:
            connection.close()


@pytest.mark.parametrize("group, version", SOCKETS)
def test_a_connection_that_speaks_another_protocol_harms_no_other(proxy, group, version):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(proxy.socket(group, version)))
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + bytes(range(256)) * 16)
        with new_connection(proxy, group, version) as channel:
            with refused(StatusCode.UNIMPLEMENTED):
                call_raw(channel, f"/{version}.{group.capitalize()}/NoSuchMethod")
    assert proxy.process.poll() is None


@pytest.mark.parametrize("group, version", SOCKETS)
def test_any_authority_will_do(proxy, group, version):
    """A Windows client's target, and so its authority, is the pipe's name."""
    method = "ListDiskLocations" if group == "disk" else "NoSuchMethod"
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
    for size in (4 << 20, 5 << 20):
        with refused(StatusCode.RESOURCE_EXHAUSTED):
            files.PathExists(path="/" + "a" * size)
    # The connection is none the worse.
    assert files.PathExists(path=proxy.kubelet).exists


def test_the_names_of_older_methods_are_all_in_use():
    """Keeps the table of the test's own client honest."""
    everywhere = {name for group, version in SOCKETS for name in methods(group, version)}
    assert set(OLDER_METHODS) | set(OLDER_METHODS.values()) <= everywhere
