# SPDX-License-Identifier: Apache-2.0
"""PartitionDisk and ListVolumesOnDisk: disks with nothing, something or anything on them."""
import os
import uuid

import pytest
from grpc import StatusCode

from loop_disk import BASIC_DATA, GIB, MIB, MICROSOFT_RESERVED, run
from wire import every_version, refused

NO_SUCH_DISK = 4294967295


# The namespace of the names, see docs/decisions/0011-volume-ids-are-of-a-disk.md.
VOLUMES = uuid.UUID("8c0a5e1d-4b61-4f0e-9a35-2f77d16c9358")


def volume_id(disk, partition):
    """Of the file behind the loop device, and of the partition's GUID and start."""
    file = os.stat(disk.file)
    parts = ["loop", f"{os.major(file.st_dev)}:{os.minor(file.st_dev)}", str(file.st_ino), "0"]
    name = "".join(f"{len(part)}:{part}" for part in parts)
    name += f"/gpt/{partition['uuid'].lower()}/{partition['start'] * 512}"
    return f"\\\\?\\Volume{{{uuid.uuid5(VOLUMES, name)}}}\\"


@every_version("disk")
def test_a_blank_disk_gets_a_table_and_one_partition(disks, volumes, disk):
    disks.PartitionDisk(disk_number=disk.number)
    table = disk.table()
    assert table["label"] == "gpt"
    (partition,) = table["partitions"]
    assert partition["type"] == BASIC_DATA
    assert GIB - 20 * MIB <= partition["size"] * 512 < GIB

    # It is listed at once, for drivers take the first of the list without looking.
    assert volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids == [volume_id(disk, partition)]

    disks.PartitionDisk(disk_number=disk.number)
    assert disk.table() == table


@every_version("disk")
def test_a_disk_with_an_mbr_and_a_partition_stays_as_it_is(disks, volumes, disk):
    disk.write_table("dos", "start=2048, type=83")
    table = disk.table()
    disks.PartitionDisk(disk_number=disk.number)
    assert disk.table() == table
    assert len(volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids) == 1


@every_version("disk")
def test_a_disk_with_partitions_stays_as_it_is(disks, volumes, disk):
    disk.write_table("gpt", f"size=100MiB, type={BASIC_DATA}", "size=200MiB, type=linux")
    table = disk.table()
    disks.PartitionDisk(disk_number=disk.number)
    assert disk.table() == table
    assert volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids == [
        volume_id(disk, partition) for partition in table["partitions"]]


@every_version("disk")
def test_a_disk_with_a_reserved_partition_alone_gets_another(disks, volumes, disk):
    disk.write_table("gpt", f"size=16MiB, type={MICROSOFT_RESERVED}")
    (reserved,) = disk.table()["partitions"]
    assert volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids == []

    disks.PartitionDisk(disk_number=disk.number)
    first, second = disk.table()["partitions"]
    assert first == reserved
    assert second["type"] == BASIC_DATA
    assert second["size"] * 512 > GIB - 40 * MIB
    assert volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids == [volume_id(disk, second)]


@every_version("disk")
@pytest.mark.parametrize("tool", ["mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "mkswap"])
def test_a_disk_with_a_signature_is_refused(disks, disk, tool):
    run(tool, disk.device)
    before = disk.fingerprint()
    with refused(StatusCode.FAILED_PRECONDITION, tool.removeprefix("mkfs.").removeprefix("mk")):
        disks.PartitionDisk(disk_number=disk.number)
    assert disk.fingerprint() == before


@every_version("disk")
@pytest.mark.parametrize("at", [0, 8192, MIB - 4096, GIB - 4096])
def test_a_disk_with_unknown_data_is_refused(disks, disk, at):
    disk.write(b"a user's data", at)
    before = disk.fingerprint()
    with refused(StatusCode.FAILED_PRECONDITION):
        disks.PartitionDisk(disk_number=disk.number)
    assert disk.fingerprint() == before


@every_version("disk")
def test_a_write_protected_disk_is_refused(disks, disk):
    run("blockdev", "--setro", disk.device)
    with refused(StatusCode.FAILED_PRECONDITION):
        disks.PartitionDisk(disk_number=disk.number)
    run("blockdev", "--setrw", disk.device)
    disks.PartitionDisk(disk_number=disk.number)


# -- Volumes of a disk --------------------------------------------------------------------------------------------


@every_version("volume")
def test_a_disk_without_a_table_has_no_volumes(volumes, disk):
    assert volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids == []


@every_version("volume")
def test_a_disk_that_there_is_not_has_no_volumes_to_list(volumes):
    with refused(StatusCode.NOT_FOUND):
        volumes.ListVolumesOnDisk(disk_number=NO_SUCH_DISK)


@every_version("volume")
def test_all_volumes_are_listed_in_the_order_of_the_table(volumes, disk):
    disk.write_table("gpt", f"size=16MiB, type={MICROSOFT_RESERVED}", *["size=200MiB, type=linux"] * 3)
    partitions = disk.table()["partitions"]
    listed = volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids
    assert listed == [volume_id(disk, partition) for partition in partitions[1:]]


@pytest.mark.parametrize("volumes", ["v1beta3", "v1", "v2alpha1"], indirect=True)
def test_a_partition_number_selects_one_volume(volumes, disk):
    disk.write_table("gpt", f"size=16MiB, type={MICROSOFT_RESERVED}", *["size=200MiB, type=linux"] * 2)
    _, first, second = (volume_id(disk, partition) for partition in disk.table()["partitions"])

    def listed(number):
        return volumes.ListVolumesOnDisk(disk_number=disk.number, partition_number=number).volume_ids

    assert listed(0) == [first, second]
    assert listed(1) == []
    assert listed(2) == [first]
    assert listed(3) == [second]
    assert listed(4) == []


@every_version("volume")
def test_a_volume_of_an_mbr_disk_keeps_its_id(volumes, disk):
    disk.write_table("dos", "start=2048, type=83")
    (id,) = volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids
    assert volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids == [id]
    assert not volumes.IsVolumeFormatted(volume_id=id).formatted


@every_version("volume")
def test_a_filesystem_on_the_whole_disk_is_a_volume(volumes, disk, kubelet):
    run("mkfs.ext4", "-q", disk.device)
    (id,) = volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids
    assert volumes.IsVolumeFormatted(volume_id=id).formatted
    volumes.MountVolume(volume_id=id, target_path=kubelet)
    assert disk.mounts() == [str(kubelet)]
    volumes.UnmountVolume(volume_id=id, target_path=kubelet)


@every_version("volume", "GetDiskNumberFromVolumeID")
def test_a_volume_knows_its_disk(volumes, blank, volume):
    for each in (blank, volume):
        assert volumes.GetDiskNumberFromVolumeID(volume_id=each.id).disk_number == each.disk.number
