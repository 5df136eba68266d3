# SPDX-License-Identifier: Apache-2.0
"""Growing volumes: which sizes are taken, and that disk, partition, filesystem and data agree afterwards."""
import os
import pathlib

import pytest
from grpc import StatusCode

from loop_disk import BASIC_DATA, GIB, MIB, run
from proxy import Proxy
from wire import every_version, refused

# CAP_SYS_RESOURCE, bit 24: without it the kernel does not grow a mounted ext4.
MAY_GROW_MOUNTED_EXT4 = any(
    line.startswith("CapEff:") and int(line.split()[1], 16) >> 24 & 1
    for line in pathlib.Path("/proc/self/status").read_text().splitlines())


def partition_size(disk, number=1):
    return disk.table()["partitions"][number - 1]["size"] * 512


def total(proxy, volume):
    return proxy.service("volume").GetVolumeStats(volume_id=volume.id).total_bytes


def agrees(proxy, volume, size):
    """Partition, kernel and filesystem are of one size, as near as blocks and their groups allow."""
    partition = partition_size(volume.disk)
    assert size - 20 * MIB <= partition <= size
    assert int(run("blockdev", "--getsize64", volume.disk.partition())) == partition
    assert partition - 20 * MIB <= total(proxy, volume) <= partition


@pytest.fixture
def grown(proxy, formatted):
    """Makes a volume of 1 GiB whose disk has become twice as large."""

    def make(by=proxy):
        volume = formatted(by)
        volume.disk.grow(2 * GIB)
        by.service("disk").Rescan()
        return volume

    return make


@every_version("volume")
def test_a_volume_grows_to_a_size_and_then_to_its_disk(volumes, proxy, grown):
    volume = grown()
    agrees(proxy, volume, GIB)
    volumes.ResizeVolume(volume_id=volume.id, size_bytes=1536 * MIB)
    agrees(proxy, volume, 1536 * MIB)
    assert partition_size(volume.disk) == 1536 * MIB

    v1 = proxy.service("volume")
    assert v1.GetDiskNumberFromVolumeID(volume_id=volume.id).disk_number == volume.disk.number
    assert proxy.service("disk").GetDiskStats(disk_number=volume.disk.number).total_bytes == 2 * GIB

    for _ in range(2):
        volumes.ResizeVolume(volume_id=volume.id, size_bytes=0)
        agrees(proxy, volume, 2 * GIB)
    assert v1.ListVolumesOnDisk(disk_number=volume.disk.number).volume_ids == [volume.id]


@every_version("volume")
def test_the_data_outlive_growth(volumes, proxy, grown, kubelet):
    volume = grown()
    volumes.MountVolume(volume_id=volume.id, target_path=kubelet)
    content = os.urandom(5 * MIB)
    (kubelet / "data").write_bytes(content)
    volumes.UnmountVolume(volume_id=volume.id, target_path=kubelet)
    volumes.ResizeVolume(volume_id=volume.id, size_bytes=0)
    volumes.MountVolume(volume_id=volume.id, target_path=kubelet)
    assert (kubelet / "data").read_bytes() == content
    volumes.UnmountVolume(volume_id=volume.id, target_path=kubelet)
    run("e2fsck", "-fn", volume.disk.partition())


@every_version("volume")
def test_sizes_that_change_nothing(volumes, grown):
    volume = grown()
    table, size = volume.disk.table(), partition_size(volume.disk)
    for unchanged in (1, 2 * MIB, size - GIB // 2, size - 1, size):
        volumes.ResizeVolume(volume_id=volume.id, size_bytes=unchanged)
        assert volume.disk.table()["partitions"] == table["partitions"]


@every_version("volume")
def test_little_growth_is_growth(volumes, grown):
    volume = grown()
    for more in (1, MIB, 50 * MIB, 100 * MIB - 1):
        size = partition_size(volume.disk)
        volumes.ResizeVolume(volume_id=volume.id, size_bytes=size + more)
        assert size + more <= partition_size(volume.disk) <= size + more + MIB


@every_version("volume")
def test_sizes_that_are_refused(volumes, grown):
    volume = grown()
    table = volume.disk.table()
    for size in (2 * GIB + 1, 3 * GIB, 2**63 - 1):
        with refused(StatusCode.OUT_OF_RANGE):
            volumes.ResizeVolume(volume_id=volume.id, size_bytes=size)
    for size in (-1, -GIB, -(2**63)):
        with refused(StatusCode.INVALID_ARGUMENT):
            volumes.ResizeVolume(volume_id=volume.id, size_bytes=size)
    assert volume.disk.table() == table


@every_version("volume")
def test_a_new_volume_has_its_maximum_already(volumes, proxy, mounted):
    """Drivers ask for the maximum whenever they stage a volume."""
    table = mounted.disk.table()
    volumes.ResizeVolume(volume_id=mounted.id, size_bytes=0)
    volumes.UnmountVolume(volume_id=mounted.id, target_path=mounted.path)
    volumes.ResizeVolume(volume_id=mounted.id, size_bytes=0)
    assert mounted.disk.table() == table
    agrees(proxy, mounted, GIB)


@every_version("volume")
def test_a_volume_does_not_grow_into_the_next(volumes, proxy, disk):
    disk.write_table("gpt", *[f"size=400MiB, type={BASIC_DATA}"] * 2)
    first, second = volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids
    for id in (first, second):
        volumes.FormatVolume(volume_id=id)
    table = disk.table()
    volumes.ResizeVolume(volume_id=first, size_bytes=0)
    with refused(StatusCode.OUT_OF_RANGE):
        volumes.ResizeVolume(volume_id=first, size_bytes=600 * MIB)
    assert disk.table() == table

    volumes.ResizeVolume(volume_id=second, size_bytes=0)
    assert disk.table()["partitions"][0] == table["partitions"][0]
    assert partition_size(disk, 2) > 600 * MIB
    stats = proxy.service("volume").GetVolumeStats(volume_id=second)
    assert partition_size(disk, 2) - 20 * MIB <= stats.total_bytes <= partition_size(disk, 2)


@every_version("volume")
def test_a_volume_that_is_not_formatted_does_not_grow(volumes, proxy, blank):
    blank.disk.grow(2 * GIB)
    proxy.service("disk").Rescan()
    table = blank.disk.table()
    with refused(StatusCode.FAILED_PRECONDITION):
        volumes.ResizeVolume(volume_id=blank.id, size_bytes=0)
    assert blank.disk.table() == table


# -- While mounted ------------------------------------------------------------------------------------------------


@every_version("volume")
def test_a_mounted_ext4_grows_where_the_kernel_permits(volumes, proxy, mounted):
    mounted.disk.grow(2 * GIB)
    proxy.service("disk").Rescan()
    table = mounted.disk.table()
    if MAY_GROW_MOUNTED_EXT4:
        volumes.ResizeVolume(volume_id=mounted.id, size_bytes=0)
        agrees(proxy, mounted, 2 * GIB)
    else:
        with refused(StatusCode.FAILED_PRECONDITION, "CAP_SYS_RESOURCE"):
            volumes.ResizeVolume(volume_id=mounted.id, size_bytes=0)
        assert mounted.disk.table() == table
    assert (mounted.path / "data").read_text() == "kept"


@pytest.fixture(scope="module", params=["xfs", "btrfs"])
def growing_proxy(request, scratch):
    with Proxy(scratch / request.param, filesystem=request.param) as proxy:
        proxy.filesystem = request.param
        yield proxy


@every_version("volume")
@pytest.mark.parametrize("is_mounted", [True, False], ids=["mounted", "unmounted"])
def test_other_filesystems_grow(growing_proxy, grown, volumes, is_mounted):
    proxy = growing_proxy
    volumes = proxy.service("volume", volumes.version)
    volume = grown(proxy)
    assert volume.disk.signature(1) == proxy.filesystem
    path = proxy.kubelet / f"{volumes.version}-{is_mounted}"
    path.mkdir()
    volumes.MountVolume(volume_id=volume.id, target_path=path)
    (path / "data").write_text("kept")
    if not is_mounted:
        volumes.UnmountVolume(volume_id=volume.id, target_path=path)

    volumes.ResizeVolume(volume_id=volume.id, size_bytes=1536 * MIB)
    agrees(proxy, volume, 1536 * MIB)
    volumes.ResizeVolume(volume_id=volume.id, size_bytes=0)
    agrees(proxy, volume, 2 * GIB)

    if not is_mounted:
        volumes.MountVolume(volume_id=volume.id, target_path=path)
    assert (path / "data").read_text() == "kept"
    volumes.UnmountVolume(volume_id=volume.id, target_path=path)
