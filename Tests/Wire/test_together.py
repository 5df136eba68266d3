# SPDX-License-Identifier: Apache-2.0
"""Many disks and callers at a time."""
import concurrent.futures
import os

import grpc
import pytest
from grpc import StatusCode

from wire import VERSIONS

DISKS = 20


def at_once(calls):
    """Runs all calls at the same time, and returns their results or statuses."""

    def outcome(call):
        try:
            return call()
        except grpc.RpcError as error:
            return error.code()

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(outcome, calls))


def refusals(outcomes):
    return {outcome for outcome in outcomes if isinstance(outcome, StatusCode)}


def test_many_disks_live_their_lives_at_once(proxy, attach, kubelet):
    """From raw to mounted and back, each disk by another pair of versions."""

    def live(index, disk):
        disks = proxy.service("disk", VERSIONS["disk"][index % len(VERSIONS["disk"])])
        volumes = proxy.service("volume", VERSIONS["volume"][index % len(VERSIONS["volume"])])
        target = kubelet / f"disk-{index}"
        target.mkdir()

        disks.PartitionDisk(disk_number=disk.number)
        (id,) = volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids
        assert not volumes.IsVolumeFormatted(volume_id=id).formatted
        volumes.FormatVolume(volume_id=id)
        for turn in range(3):
            volumes.MountVolume(volume_id=id, target_path=target)
            assert os.path.ismount(target)
            if turn == 0:
                (target / "data").write_text(str(index))
            assert (target / "data").read_text() == str(index)
            volumes.UnmountVolume(volume_id=id, target_path=target)
            assert list(volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids) == [id]
        return id

    attached = [attach() for _ in range(DISKS)]
    with concurrent.futures.ThreadPoolExecutor(DISKS) as pool:
        ids = list(pool.map(live, range(DISKS), attached))
    assert len(set(ids)) == DISKS


def test_one_disk_partitioned_by_many(disks, volumes, disk):
    outcomes = at_once([lambda: disks.PartitionDisk(disk_number=disk.number)] * DISKS)
    assert refusals(outcomes) <= {StatusCode.ABORTED}
    assert len(disk.table()["partitions"]) == 1
    assert len(volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids) == 1


def test_one_volume_formatted_by_many(volumes, blank):
    """Identical calls at one time are one; a later call finds the work done."""
    outcomes = at_once([lambda: volumes.FormatVolume(volume_id=blank.id)] * DISKS)
    assert refusals(outcomes) <= {StatusCode.ABORTED}
    assert any(not isinstance(outcome, StatusCode) for outcome in outcomes)
    assert blank.disk.signature(1) == "ext4"


def test_one_volume_mounted_by_many(volumes, volume, kubelet):
    outcomes = at_once([lambda: volumes.MountVolume(volume_id=volume.id, target_path=kubelet)] * DISKS)
    assert refusals(outcomes) <= {StatusCode.ABORTED}
    assert volume.disk.mounts() == [str(kubelet)]


def test_one_directory_wanted_by_many_volumes(volumes, formatted, kubelet):
    wanting = [formatted() for _ in range(5)]
    outcomes = at_once([
        lambda volume=volume: volumes.MountVolume(volume_id=volume.id, target_path=kubelet) for volume in wanting])
    mounted = [volume for volume in wanting if volume.disk.mounts() == [str(kubelet)]]
    assert len(mounted) == 1
    for volume, outcome in zip(wanting, outcomes):
        if volume in mounted:
            assert not isinstance(outcome, StatusCode)
        else:
            assert outcome in (StatusCode.FAILED_PRECONDITION, StatusCode.ABORTED)


@pytest.mark.parametrize("files", VERSIONS["filesystem"], indirect=True)
def test_one_tree_made_and_removed_by_many(files, kubelet):
    path = kubelet / "a" / "b" / "c"
    assert not refusals(at_once([lambda: files.Mkdir(path=path)] * DISKS))
    assert path.is_dir()
    assert not refusals(at_once([lambda: files.Rmdir(path=kubelet / "a", force=True)] * DISKS))
    assert not (kubelet / "a").exists()
