# SPDX-License-Identifier: Apache-2.0
"""How a proxy starts, with all of its sockets or with none, and how it ends."""
import os
import signal
import socket
import stat

import pytest

from eventually import PATIENCE
from proxy import SOCKETS, Proxy


def sockets_left(proxy):
    return {path.name for path in proxy.pipes.iterdir() if path.is_socket()}


def test_the_sockets_are_for_their_owner_and_group(proxy):
    assert stat.S_IMODE(proxy.pipes.stat().st_mode) == 0o750
    assert sockets_left(proxy) == {f"csi-proxy-{group}-{version}" for group, version in SOCKETS}
    for group, version in SOCKETS:
        assert stat.S_IMODE(proxy.socket(group, version).stat().st_mode) == 0o660


def test_versions_that_are_not_released_are_served_on_request(scratch):
    with Proxy(scratch / "released", unreleased=False) as proxy:
        assert sockets_left(proxy) == {
            f"csi-proxy-{group}-{version}" for group, version in SOCKETS if version != "v2"}


def test_modes_are_the_same_whatever_the_umask(start_proxy):
    proxy = start_proxy(wrapper=["sh", "-c", 'umask 077; exec "$@"', "sh"])
    proxy.service("filesystem").Mkdir(path=proxy.kubelet / "made")
    assert stat.S_IMODE((proxy.kubelet / "made").stat().st_mode) == 0o755
    assert stat.S_IMODE(proxy.pipes.stat().st_mode) == 0o750
    for group, version in SOCKETS:
        assert stat.S_IMODE(proxy.socket(group, version).stat().st_mode) == 0o660


def test_a_second_proxy_on_the_same_directory_fails_and_leaves_the_first_alone(proxy, scratch, files, kubelet):
    second = Proxy(scratch / "shared", kubelet=proxy.kubelet)
    assert second.process.wait(timeout=PATIENCE) == 1
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
        assert proxy.process.wait(timeout=PATIENCE) == 1
        assert taken.name in proxy.log.read_text()
        assert sockets_left(proxy) == {taken.name}


@pytest.mark.parametrize("content", ["", "kept"])
def test_a_file_where_a_socket_belongs_fails_the_start_and_is_kept(scratch, content):
    directory = scratch / f"file-{content}"
    (directory / "pipes").mkdir(parents=True)
    file = directory / "pipes" / "csi-proxy-volume-v1beta2"
    file.write_text(content)
    proxy = Proxy(directory)
    assert proxy.process.wait(timeout=PATIENCE) == 1
    assert file.name in proxy.log.read_text()
    assert [path.name for path in proxy.pipes.iterdir()] == [file.name]
    assert file.is_file() and file.read_text() == content


def test_a_stale_socket_file_is_replaced(scratch):
    directory = scratch / "stale"
    (directory / "pipes").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / "pipes" / "csi-proxy-disk-v1"))
    with Proxy(directory) as proxy:
        proxy.service("disk").ListDiskLocations()


def ends_cleanly(proxy, ending=signal.SIGTERM):
    os.kill(proxy.process.pid, ending)
    assert proxy.process.wait(timeout=PATIENCE) == 0
    assert not sockets_left(proxy)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_proxy_that_is_asked_to_end_takes_its_sockets_along(start_proxy, ending):
    proxy = start_proxy()
    proxy.service("disk").ListDiskLocations()
    ends_cleanly(proxy, ending)


def test_a_proxy_can_be_asked_to_end_as_soon_as_its_sockets_are_there(start_proxy):
    """The end races with the last of the start, and so is tried many times."""
    for _ in range(30):
        ends_cleanly(start_proxy())


def test_a_silent_connection_does_not_keep_a_proxy_from_ending(start_proxy):
    proxy = start_proxy()
    proxy.service("disk").ListDiskLocations()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(proxy.socket("disk", "v1")))
        ends_cleanly(proxy)
