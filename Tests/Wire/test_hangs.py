# SPDX-License-Identifier: Apache-2.0
"""A disk that hangs: calls end with their deadlines, the work stays visible, and other disks go on."""
import pathlib
import sys

import pytest
from grpc import RpcError, StatusCode

from eventually import PATIENCE, eventually
from loop_disk import MIB, run
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
    # The operation goes on without its call, and the next call is refused with its name.
    with refused(StatusCode.ABORTED, "flush volume"):
        volumes.UnmountVolume(volume_id=id, target_path=path)

    # They must not wait without end; the Swift tests of S8 show that they hardly wait at all.
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


def test_a_hang_leaves_its_trace_in_the_log(hanging, proxy, disks, volumes):
    id, disk, path = hanging
    seen = len(proxy.log.read_text())

    def lines(*texts):
        return [line for line in proxy.log.read_text()[seen:].splitlines() if all(text in line for text in texts)]

    with refused(StatusCode.DEADLINE_EXCEEDED):
        volumes.WriteVolumeCache(volume_id=id, timeout=1)
    # Of the call that its caller has left, and of the work that goes on.
    left = eventually("the log has the call", lambda: lines("WriteVolumeCache", "notice"))
    assert "uid 0" in left[0]
    name = pathlib.Path(disk.device).name
    slow = eventually("the log has the work", lambda: lines("takes long: flush volume"))
    for text in ("warning", f"disk={disk.number} ({name})", "caller=", "uid 0", f"disk {name}", "duration=10"):
        assert text in slow[0], slow[0]
    disk.order()
    volumes.UnmountVolume(volume_id=id, target_path=path)


def test_a_silent_disk_has_one_line_in_the_log(scratch, proxy, volumes):
    """However often all disks are asked."""
    disk = FaultyDisk(scratch / "silent", 64 * MIB)
    try:
        run("blockdev", "--flushbufs", disk.device)
        disk.order(stalls=[[0, 1 << 62]], stallsAttributes=True)
        seen = len(proxy.log.read_text())

        def search():
            unknown = r"\\?\Volume{00000000-0000-5000-8000-000000000000}" + "\\"
            with pytest.raises(RpcError) as caught:
                volumes.GetDiskNumberFromVolumeID(volume_id=unknown, timeout=PATIENCE)
            return caught.value.code()

        def lines(text):
            name = pathlib.Path(disk.device).name
            new = proxy.log.read_text()[seen:].splitlines()
            return [line for line in new if text in line and f"disk {disk.number} ({name})" in line]

        for _ in range(3):
            # It was not looked at, so it may have the volume.
            assert search() == StatusCode.UNAVAILABLE
        assert len(lines("does not answer")) == 1
        disk.order()
        eventually("the disk answers", lambda: search() == StatusCode.NOT_FOUND)
        assert len(lines("does not answer")) == len(lines("answers what volumes it has again")) == 1
    finally:
        disk.order()
        disk.detach()
