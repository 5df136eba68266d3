# SPDX-License-Identifier: Apache-2.0
"""Tests of the wire, from another language: a running csi-proxy as a client sees it that knows nothing but api/.

`run` starts them, in a mount namespace of their own and as root. They need nothing of the program but its flags and
sockets, and look at the host with the host's own tools. All of it is done in every version that has the methods.

    eventually.py    waits with a bound
    wire.py          the services, called in any version by v1's names; exact statuses
    proxy.py         a running csi-proxy
    sandbox.py       a running csi-proxy sandbox
    samba.py         a running SMB server
    iscsi_target.py  iSCSI targets and iscsid
    secret_hunt.py   where secrets can be read
    loop_disk.py     real disks
    http2.py         HTTP/2 in frames and headers that no honest client writes
    spelling.py      a path in POSIX and Windows spelling
    test_sockets.py, test_starting.py, test_paths.py, test_directories.py, test_removal.py, test_disks.py,
    test_partitioning.py, test_volumes.py, test_mounts.py, test_resizing.py, test_together.py, test_hangs.py,
    test_access.py, test_requests.py, test_shares.py, test_targets.py, test_secrets.py, test_metrics.py,
    test_windows_drivers.py, test_streams.py, test_device_work.py, test_targets_of_pods.py, test_reflection.py

The fixtures here are what the tests stand on: a proxy for the whole run, and disks and directories for each test.
`disks`, `volumes` and `files` are the services of a group. A test marked with `every_version` gets them in each
version in turn, any other in v1.
"""
import collections
import contextlib
import itertools
import os
import pathlib
import signal

import pytest

from loop_disk import LoopDisk
from proxy import Proxy

counter = itertools.count(1)
# These take the virtual machine's kernel; tools/test runs them there, and no others.
collect_ignore_glob = [] if "HOST_STORAGE_MACHINE" in os.environ else ["test_shares.py", "test_targets.py"]
running = pytest.StashKey()


# How long a test may take with its fixtures, in seconds. Far longer than any does: it ends tests that hang.
TEST_PATIENCE = 900


def pytest_configure(config):
    # So that fixtures are torn down, and loop devices with them.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", 143))
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail(f"it has not ended within {TEST_PATIENCE} s"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    signal.alarm(TEST_PATIENCE)
    try:
        return (yield)
    finally:
        signal.alarm(0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the proxy's log with a failure."""
    report = yield
    if report.failed and running in item.stash:
        proxy, start = item.stash[running]
        report.sections.append(("csi-proxy log", proxy.log.read_text()[start:]))
    return report


@pytest.fixture(scope="session")
def scratch():
    return pathlib.Path(os.environ["WIRE_TESTS_SCRATCH"])


@pytest.fixture
def directory(scratch):
    """For this test alone. A short path: a socket's has to be."""
    directory = scratch / f"test-{next(counter)}"
    directory.mkdir()
    return directory


@pytest.fixture(scope="session")
def shared_proxy(scratch):
    with Proxy(scratch / "shared") as proxy:
        yield proxy


@pytest.fixture
def proxy(shared_proxy, request):
    request.node.stash[running] = shared_proxy, len(shared_proxy.log.read_text())
    return shared_proxy


@pytest.fixture
def start_proxy(scratch):
    """Starts further proxies, with options of their own."""

    def start(*options, **settings):
        proxy = Proxy(scratch / f"proxy-{next(counter)}", *options, **settings)
        at_end.callback(lambda: proxy.process.poll() is None and proxy.stop())
        proxy.wait_until_ready()
        return proxy

    with contextlib.ExitStack() as at_end:
        yield start


@pytest.fixture
def disks(proxy, request):
    return proxy.service("disk", getattr(request, "param", "v1"))


@pytest.fixture
def volumes(proxy, request):
    return proxy.service("volume", getattr(request, "param", "v1"))


@pytest.fixture
def files(proxy, request):
    return proxy.service("filesystem", getattr(request, "param", "v1"))


@pytest.fixture
def kubelet(proxy):
    """A directory below the kubelet's, for this test alone."""
    directory = proxy.kubelet / f"test-{next(counter)}"
    directory.mkdir()
    return directory


@pytest.fixture
def attach(scratch):
    """Attaches disks, 1 GiB unless said otherwise. One that cannot be detached keeps no other attached."""

    def attach_one(**settings):
        disk = LoopDisk(scratch / f"disk-{next(counter)}", **settings)
        at_end.callback(disk.detach)
        return disk

    with contextlib.ExitStack() as at_end:
        yield attach_one


@pytest.fixture
def disk(attach):
    return attach()


Volume = collections.namedtuple("Volume", "id disk")


@pytest.fixture
def partitioned(proxy, attach):
    """Makes a volume that is not formatted."""

    def make(by=proxy, **settings):
        disk = attach(**settings)
        by.service("disk").PartitionDisk(disk_number=disk.number)
        (id,) = by.service("volume").ListVolumesOnDisk(disk_number=disk.number).volume_ids
        return Volume(id, disk)

    return make


@pytest.fixture
def formatted(proxy, partitioned):
    """Makes a volume with the proxy's filesystem."""

    def make(by=proxy, **settings):
        volume = partitioned(by, **settings)
        by.service("volume").FormatVolume(volume_id=volume.id)
        return volume

    return make


@pytest.fixture
def blank(partitioned):
    return partitioned()


@pytest.fixture
def volume(formatted):
    return formatted()


Mounted = collections.namedtuple("Mounted", "id disk path")


@pytest.fixture
def mounted(proxy, volume, kubelet):
    """A volume mounted below the kubelet's directory, with a file in it."""
    path = kubelet / "staging"
    path.mkdir()
    proxy.service("volume").MountVolume(volume_id=volume.id, target_path=path)
    (path / "data").write_text("kept")
    return Mounted(volume.id, volume.disk, path)
