# SPDX-License-Identifier: Apache-2.0
"""A disk that hangs: calls end with their deadlines, the work stays visible, and other disks go on."""
import pathlib
import sys

import pytest
from grpc import StatusCode

from eventually import PATIENCE
from loop_disk import MIB
from wire import refused

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "FaultyDisk"))

from faulty_disk import FaultyDisk  # noqa: E402


@pytest.fixture
def hanging(scratch, disks, volumes, kubelet):
    """A mounted volume with something to write out, whose disk has stopped to answer."""
    disk = FaultyDisk(scratch / "hanging", 64 * MIB)
    path = kubelet / "hanging"
    path.mkdir()
    try:
        disks.PartitionDisk(disk_number=disk.number)
        (id,) = volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids
        volumes.FormatVolume(volume_id=id)
        volumes.MountVolume(volume_id=id, target_path=path)
        disks.ListDiskIDs()
        (path / "data").write_text("unwritten")
        disk.order(stalls=[[0, 1 << 62]], stallsAttributes=True)
        yield id, disk, path
    finally:
        disk.order()
        disk.detach()


def test_a_disk_that_hangs(hanging, disks, volumes, volume, kubelet):
    id, disk, path = hanging
    with refused(StatusCode.DEADLINE_EXCEEDED):
        volumes.WriteVolumeCache(volume_id=id, timeout=3)
    # What the call has left goes on, and says what it is to whoever comes next.
    with refused(StatusCode.ABORTED, "flush volume"):
        volumes.UnmountVolume(volume_id=id, target_path=path)

    # Without end is what they must not wait; that they hardly wait at all is for the Swift tests of S8 to show.
    assert disk.number in disks.ListDiskIDs(timeout=PATIENCE).disk_ids
    disks.Rescan(timeout=PATIENCE)
    target = kubelet / "other"
    target.mkdir()
    for _ in range(3):
        volumes.MountVolume(volume_id=volume.id, target_path=target, timeout=PATIENCE)
        volumes.UnmountVolume(volume_id=volume.id, target_path=target, timeout=PATIENCE)

    disk.order()
    volumes.UnmountVolume(volume_id=id, target_path=path)
    volumes.MountVolume(volume_id=id, target_path=path)
    assert (path / "data").read_text() == "unwritten"
    volumes.UnmountVolume(volume_id=id, target_path=path)
