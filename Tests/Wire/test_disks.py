# SPDX-License-Identifier: Apache-2.0
"""The disk group: the disks of a host, their names, their size, and taking them out of service."""
import re

import pytest
from grpc import StatusCode

from eventually import eventually
from loop_disk import GIB, run
from wire import every_version, refused

NO_SUCH_DISK = 4294967295
NO_DISK_NUMBERS = ["", "abc", "-1", "+1", " 1", "1 ", "1.0", "0x1", "4294967296", "18446744073709551617", "١"]


# -- Which disks there are ----------------------------------------------------------------------------------------


@every_version("disk", "ListDiskIDs")
def test_every_disk_is_listed_and_names_itself(disks, attach):
    attached = [attach() for _ in range(3)]
    listed = disks.ListDiskIDs().disk_ids
    for disk in attached:
        assert disk.number in listed
    for ids in listed.values():
        assert ids.page83 or ids.serial_number.startswith("nvme")
    names = [listed[disk.number].page83 for disk in attached]
    assert len(set(names)) == 3
    again = disks.ListDiskIDs().disk_ids
    assert [again[disk.number].page83 for disk in attached] == names


@every_version("disk", "ListDiskLocations")
def test_locations_are_scsi_addresses(disks, disk):
    locations = disks.ListDiskLocations().disk_locations
    assert disk.number not in locations
    for location in locations.values():
        for part in (location.Adapter, location.Bus, location.Target, location.LUNID):
            assert re.fullmatch("[0-9]+", part)


@every_version("disk", "GetDiskNumberByName")
def test_a_disk_is_found_by_its_name(disks, proxy, disk):
    name = proxy.service("disk").ListDiskIDs().disk_ids[disk.number].page83
    assert disks.GetDiskNumberByName(disk_name=name).disk_number == disk.number
    with refused(StatusCode.NOT_FOUND):
        disks.GetDiskNumberByName(disk_name=name + "x")
    with refused(StatusCode.INVALID_ARGUMENT):
        disks.GetDiskNumberByName(disk_name="")


@every_version("disk", "ListDiskIDs")
def test_a_disk_that_does_not_answer_is_left_out(disks, start_proxy, attach):
    answering, silent = attach(), attach()
    # Something else stands where the disk's node should be, in this namespace alone.
    run("mount", "--bind", "/dev/null", silent.device)
    try:
        started_since = start_proxy().service("disk", disks.version)
        for asked in (disks, started_since):
            listed = asked.ListDiskIDs().disk_ids
            assert answering.number in listed and silent.number not in listed
    finally:
        run("umount", silent.device)
    assert silent.number in disks.ListDiskIDs().disk_ids


@every_version("disk", "ListDiskIDs")
def test_a_disk_that_was_detached_is_gone_and_its_number_with_it(disks, attach):
    first = attach()
    number = first.number
    assert number in disks.ListDiskIDs().disk_ids
    first.detach()
    # Another process that has it open at that moment keeps it for as long.
    eventually("the disk is gone", lambda: number not in disks.ListDiskIDs().disk_ids)
    # The device of the same name, most likely: a number does not come back with it.
    second = attach()
    assert second.number != number
    listed = disks.ListDiskIDs().disk_ids
    assert second.number in listed and number not in listed


# -- Sizes --------------------------------------------------------------------------------------------------------


@every_version("disk", "GetDiskStats")
def test_the_size_of_a_disk(disks, attach):
    for size in (GIB, 300 << 20, (5 << 20) + 512):
        assert disks.GetDiskStats(disk_number=attach(size=size).number).total_bytes == size


@every_version("disk", "Rescan")
def test_rescan_sees_a_disk_that_grew(disks, proxy, disk):
    v1 = proxy.service("disk")
    assert v1.GetDiskStats(disk_number=disk.number).total_bytes == GIB
    disk.grow(2 * GIB)
    disks.Rescan()
    assert disk.size == 2 * GIB
    assert v1.GetDiskStats(disk_number=disk.number).total_bytes == 2 * GIB
    disks.Rescan()
    assert disk.size == 2 * GIB


# -- Out of service and back --------------------------------------------------------------------------------------


@every_version("disk", "SetDiskState", "GetDiskState")
def test_a_disk_is_taken_offline_and_online(disks, proxy, disk):
    v1 = proxy.service("disk")
    assert disks.GetDiskState(disk_number=disk.number).is_online
    disks.SetDiskState(disk_number=disk.number, is_online=True)
    assert disks.GetDiskState(disk_number=disk.number).is_online
    for _ in range(2):
        disks.SetDiskState(disk_number=disk.number, is_online=False)
        assert not disks.GetDiskState(disk_number=disk.number).is_online
        assert not v1.GetDiskState(disk_number=disk.number).is_online
    for _ in range(2):
        disks.SetDiskState(disk_number=disk.number, is_online=True)
        assert disks.GetDiskState(disk_number=disk.number).is_online
        assert v1.GetDiskState(disk_number=disk.number).is_online


@every_version("disk", "SetDiskState", "GetDiskState")
def test_a_state_that_another_process_set_shows(disks, proxy, disk):
    """Drivers of other versions share the node."""
    proxy.service("disk").SetDiskState(disk_number=disk.number, is_online=False)
    assert not disks.GetDiskState(disk_number=disk.number).is_online
    disks.SetDiskState(disk_number=disk.number, is_online=True)
    assert proxy.service("disk").GetDiskState(disk_number=disk.number).is_online


@every_version("disk", "SetDiskState")
def test_an_offline_disk_is_partitioned_but_not_used(disks, volumes, disk, kubelet):
    """Some drivers bring a disk online only after they have partitioned it."""
    disks.SetDiskState(disk_number=disk.number, is_online=False)
    disks.PartitionDisk(disk_number=disk.number)
    (id,) = volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids
    with refused(StatusCode.FAILED_PRECONDITION):
        volumes.FormatVolume(volume_id=id)
    assert disk.signature(1) == ""

    disks.SetDiskState(disk_number=disk.number, is_online=True)
    volumes.FormatVolume(volume_id=id)
    disks.SetDiskState(disk_number=disk.number, is_online=False)
    for call in (
        lambda: volumes.MountVolume(volume_id=id, target_path=kubelet),
        lambda: volumes.ResizeVolume(volume_id=id, size_bytes=0),
    ):
        with refused(StatusCode.FAILED_PRECONDITION):
            call()
    assert disk.mounts() == []

    disks.SetDiskState(disk_number=disk.number, is_online=True)
    volumes.MountVolume(volume_id=id, target_path=kubelet)


@every_version("disk", "SetDiskState")
def test_a_disk_in_use_does_not_go_offline(disks, proxy, mounted):
    with refused(StatusCode.FAILED_PRECONDITION):
        disks.SetDiskState(disk_number=mounted.disk.number, is_online=False)
    assert proxy.service("disk").GetDiskState(disk_number=mounted.disk.number).is_online
    assert (mounted.path / "data").read_text() == "kept"


# -- Disks that there are not -------------------------------------------------------------------------------------


@every_version("disk")
def test_a_number_that_no_disk_has(disks, attach):
    gone = attach()
    number = gone.number
    gone.detach()
    for number in (0, NO_SUCH_DISK, number):
        with refused(StatusCode.NOT_FOUND):
            disks.PartitionDisk(disk_number=number)


@every_version("disk", "GetDiskStats")
def test_the_size_of_a_disk_that_there_is_not(disks):
    with refused(StatusCode.NOT_FOUND):
        disks.GetDiskStats(disk_number=NO_SUCH_DISK)


@every_version("disk", "SetDiskState", "GetDiskState")
def test_the_state_of_a_disk_that_there_is_not(disks):
    with refused(StatusCode.NOT_FOUND):
        disks.GetDiskState(disk_number=NO_SUCH_DISK)
    for is_online in (False, True):
        with refused(StatusCode.NOT_FOUND):
            disks.SetDiskState(disk_number=NO_SUCH_DISK, is_online=is_online)


@pytest.mark.parametrize("disks", ["v1alpha1", "v1beta1", "v1beta2"], indirect=True)
@pytest.mark.parametrize("text", NO_DISK_NUMBERS)
def test_text_that_is_no_disk_number(disks, proxy, text):
    """Where a number travels as text. Nothing is truncated: 18446744073709551617 is 1 in 64 bits."""
    calls = [lambda: disks.PartitionDisk(disk_number=text)]
    if disks.version != "v1alpha1":
        calls += [lambda: disks.GetDiskStats(disk_number=text)]
    if disks.version == "v1beta2":
        calls += [
            lambda: disks.GetDiskState(disk_number=text),
            lambda: disks.SetDiskState(disk_number=text, is_online=True),
        ]
    calls += [lambda: proxy.service("volume", disks.version).ListVolumesOnDisk(disk_number=text)]
    for call in calls:
        with refused(StatusCode.INVALID_ARGUMENT):
            call()
