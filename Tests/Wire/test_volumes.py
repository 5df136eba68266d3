# SPDX-License-Identifier: Apache-2.0
"""The volume group: the IDs of volumes, formatting only blank volumes, statistics, and flushing."""
import pytest
from grpc import StatusCode

from loop_disk import GIB, MIB, run
from wire import every_version, refused, versions_with

UNKNOWN = "\\\\?\\Volume{5a1b2c3d-0000-4000-8000-123456789abc}\\"
MALFORMED = [
    "",
    "-1",
    "/dev/loop0",
    "5a1b2c3d-0000-4000-8000-123456789abc",
    "Volume{5a1b2c3d-0000-4000-8000-123456789abc}",
    "\\\\?\\Volume{}\\",
    "\\\\?\\Volume{5a1b2c3d-0000-4000-8000-123456789abc",
    "\\\\?\\Volume{5a1b2c3d-0000-4000-8000-123456789abg}\\",
    "\\\\?\\Volume{5a1b2c3d000040008000123456789abc}\\",
    "\\\\?\\Volume{5a1b2c3d-0000-4000-8000-123456789abc}\\x",
    "\\\\?\\Volume{5a1b2c3d-0000-4000-8000-123456789abc}\\..",
    "\\\\.\\Volume{5a1b2c3d-0000-4000-8000-123456789abc}\\",
    "\\\\?\\Volume{5a1b2c3d-0000-4000-8000-123456789abc}\\\0",
    "$(touch owned)",
    "x" * 100_000,
]

# Every call that names a volume, but for its ID.
CALLS = {
    "IsVolumeFormatted": {},
    "FormatVolume": {},
    "ResizeVolume": {"size_bytes": 2 * MIB},
    "MountVolume": {"target_path": None},
    "UnmountVolume": {"target_path": None},
    "GetVolumeStats": {},
    "GetDiskNumberFromVolumeID": {},
    "WriteVolumeCache": {},
}


def call(volumes, method, id, kubelet):
    fields = {name: kubelet if name == "target_path" else value for name, value in CALLS[method].items()}
    return getattr(volumes, method)(volume_id=id, **fields)


def in_every_version(methods):
    return pytest.mark.parametrize(
        "volumes, method",
        [(version, method) for method in methods for version in versions_with("volume", method)],
        indirect=["volumes"])


# -- IDs ----------------------------------------------------------------------------------------------------------


@in_every_version(CALLS)
def test_malformed_ids(volumes, method, kubelet):
    for id in MALFORMED:
        with refused(StatusCode.INVALID_ARGUMENT):
            call(volumes, method, id, kubelet)


@in_every_version(["MountVolume", "UnmountVolume"])
def test_a_malformed_id_with_an_empty_path(volumes, method):
    for id in ("", "-1"):
        with refused(StatusCode.INVALID_ARGUMENT):
            call(volumes, method, id, "")


@in_every_version(CALLS)
def test_an_id_that_no_volume_has(volumes, method, kubelet):
    with refused(StatusCode.NOT_FOUND):
        call(volumes, method, UNKNOWN, kubelet)


@in_every_version(CALLS)
def test_the_id_of_a_volume_whose_disk_is_gone(volumes, method, volume, kubelet):
    volume.disk.detach()
    with refused(StatusCode.NOT_FOUND):
        call(volumes, method, volume.id, kubelet)


@every_version("volume")
def test_an_id_is_taken_in_either_case_and_without_its_last_backslash(volumes, volume):
    guid = volume.id.partition("{")[2].partition("}")[0]
    for id in (volume.id, volume.id.removesuffix("\\"), f"\\\\?\\Volume{{{guid.upper()}}}\\"):
        assert volumes.IsVolumeFormatted(volume_id=id).formatted


@every_version("volume")
def test_an_id_stays_the_same_whatever_is_done_with_the_volume(volumes, blank, kubelet):
    def listed():
        (id,) = volumes.ListVolumesOnDisk(disk_number=blank.disk.number).volume_ids
        return id

    ids = [listed()]
    volumes.FormatVolume(volume_id=ids[0])
    ids.append(listed())
    volumes.MountVolume(volume_id=ids[0], target_path=kubelet)
    ids.append(listed())
    volumes.UnmountVolume(volume_id=ids[0], target_path=kubelet)
    ids.append(listed())
    volumes.ResizeVolume(volume_id=ids[0], size_bytes=0)
    ids.append(listed())
    assert ids == [blank.id] * 5


def test_a_copy_has_an_id_of_its_own(volumes, blank, attach, kubelet):
    """Both are formatted and mounted, and have different IDs."""
    table = run("sfdisk", "--dump", blank.disk.device)
    copy = attach()
    run("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", copy.device, input=table)
    (id,) = volumes.ListVolumesOnDisk(disk_number=copy.number).volume_ids
    assert id != blank.id
    volumes.FormatVolume(volume_id=id)
    assert blank.disk.signature(1) == ""
    assert copy.signature(1) == "ext4"
    volumes.MountVolume(volume_id=id, target_path=kubelet)
    assert volumes.GetVolumeIDFromTargetPath(target_path=kubelet).volume_id == id
    assert volumes.GetDiskNumberFromVolumeID(volume_id=id).disk_number == copy.number
    volumes.UnmountVolume(volume_id=id, target_path=kubelet)
    volumes.FormatVolume(volume_id=blank.id)


# -- Formatting ---------------------------------------------------------------------------------------------------


@every_version("volume")
def test_a_blank_volume_is_formatted_once(volumes, blank):
    assert not volumes.IsVolumeFormatted(volume_id=blank.id).formatted
    volumes.FormatVolume(volume_id=blank.id)
    assert volumes.IsVolumeFormatted(volume_id=blank.id).formatted
    assert blank.disk.signature(1) == "ext4"

    uuid = run("blkid", "--probe", "--output", "value", "--match-tag", "UUID", blank.disk.partition())
    volumes.FormatVolume(volume_id=blank.id)  # it finds its work done
    assert run("blkid", "--probe", "--output", "value", "--match-tag", "UUID", blank.disk.partition()) == uuid


@every_version("volume")
def test_a_volume_that_was_used_is_not_formatted(volumes, volume, kubelet):
    volumes.MountVolume(volume_id=volume.id, target_path=kubelet)
    volumes.UnmountVolume(volume_id=volume.id, target_path=kubelet)
    before = volume.disk.fingerprint()
    with refused(StatusCode.FAILED_PRECONDITION, "ext4"):
        volumes.FormatVolume(volume_id=volume.id)
    assert volume.disk.fingerprint() == before


@every_version("volume")
def test_a_volume_with_data_of_another_user_is_not_formatted(volumes, volume, kubelet):
    run("mount", volume.disk.partition(), str(kubelet))
    (kubelet / "data").write_text("kept")
    run("umount", str(kubelet))
    with refused(StatusCode.FAILED_PRECONDITION, "ext4"):
        volumes.FormatVolume(volume_id=volume.id)


@every_version("volume")
@pytest.mark.parametrize("tool", ["mkfs.xfs", "mkfs.btrfs", "mkswap"])
def test_a_volume_with_another_signature_is_not_formatted(volumes, blank, tool):
    kind = tool.removeprefix("mkfs.").removeprefix("mk")
    assert not volumes.IsVolumeFormatted(volume_id=blank.id).formatted
    run(tool, blank.disk.partition())
    before = blank.disk.fingerprint()
    assert volumes.IsVolumeFormatted(volume_id=blank.id).formatted
    with refused(StatusCode.FAILED_PRECONDITION, kind):
        volumes.FormatVolume(volume_id=blank.id)
    assert blank.disk.fingerprint() == before


@every_version("volume")
@pytest.mark.parametrize("at", [0, 65536, "end"])
def test_a_volume_with_unknown_data_is_not_formatted(volumes, blank, at):
    assert not volumes.IsVolumeFormatted(volume_id=blank.id).formatted
    partition = blank.disk.partition()
    if at == "end":
        at = int(run("blockdev", "--getsize64", partition)) - 4096
    blank.disk.write(b"a user's data", at, partition)
    before = blank.disk.fingerprint()
    with refused(StatusCode.FAILED_PRECONDITION):
        volumes.FormatVolume(volume_id=blank.id)
    assert blank.disk.fingerprint() == before


@every_version("volume")
def test_a_mounted_volume_is_not_formatted(volumes, mounted):
    with refused(StatusCode.FAILED_PRECONDITION):
        volumes.FormatVolume(volume_id=mounted.id)
    assert (mounted.path / "data").read_text() == "kept"


@every_version("volume")
def test_a_write_protected_volume_is_not_formatted(volumes, blank):
    run("blockdev", "--setro", blank.disk.device)
    with refused(StatusCode.FAILED_PRECONDITION):
        volumes.FormatVolume(volume_id=blank.id)


# -- Statistics and flushing --------------------------------------------------------------------------------------


@every_version("volume", "GetVolumeStats")
def test_statistics_of_a_volume(volumes, volume):
    stats = volumes.GetVolumeStats(volume_id=volume.id)
    assert GIB - 20 * MIB <= stats.total_bytes <= GIB
    assert 0 < stats.used_bytes < 100 * MIB


@every_version("volume", "GetVolumeStats")
def test_statistics_follow_what_is_written(volumes, mounted):
    before = volumes.GetVolumeStats(volume_id=mounted.id)
    (mounted.path / "big").write_bytes(b"x" * (200 * MIB))
    run("sync", "--file-system", mounted.path)
    after = volumes.GetVolumeStats(volume_id=mounted.id)
    assert after.total_bytes == before.total_bytes
    assert 200 * MIB <= after.used_bytes - before.used_bytes <= 210 * MIB


@every_version("volume", "GetVolumeStats")
def test_statistics_of_a_volume_without_a_filesystem(volumes, blank):
    with refused(StatusCode.FAILED_PRECONDITION):
        volumes.GetVolumeStats(volume_id=blank.id)


@every_version("volume", "WriteVolumeCache")
def test_a_volume_is_flushed_mounted_or_not(volumes, blank, mounted):
    volumes.WriteVolumeCache(volume_id=blank.id)
    (mounted.path / "more").write_text("flushed")
    for _ in range(2):
        volumes.WriteVolumeCache(volume_id=mounted.id)
    # The content of the disk now, beside the filesystem's own view of it.
    run("debugfs", "-R", "stat more", mounted.disk.partition())
    assert "flushed" == run("debugfs", "-R", "cat more", mounted.disk.partition())
