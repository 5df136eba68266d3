# SPDX-License-Identifier: Apache-2.0
"""Mounting and unmounting volumes, and finding the volume of a path."""
import os

import pytest
from grpc import StatusCode

from loop_disk import run
from spelling import driveless, each_spelling, posix, windows
from wire import every_version, refused


@pytest.fixture
def target(kubelet):
    path = kubelet / "globalmount"
    path.mkdir()
    return path


@pytest.fixture
def tmpfs(kubelet):
    """A mount of no volume."""
    run("mount", "-t", "tmpfs", "tmpfs", kubelet)
    yield kubelet
    run("umount", kubelet)


# -- Mounting -----------------------------------------------------------------------------------------------------


@every_version("volume")
@each_spelling(posix, windows, driveless)
def test_mount_and_unmount(volumes, spelled, volume, target):
    volumes.MountVolume(volume_id=volume.id, target_path=spelled(target))
    assert os.path.ismount(target)
    assert volume.disk.mounts() == [str(target)]
    (target / "data").write_text("kept")

    # Where it is mounted already there is nothing to do.
    volumes.MountVolume(volume_id=volume.id, target_path=spelled(target))
    assert volume.disk.mounts() == [str(target)]

    volumes.UnmountVolume(volume_id=volume.id, target_path=spelled(target))
    assert volume.disk.mounts() == []
    assert target.is_dir() and list(target.iterdir()) == []

    volumes.MountVolume(volume_id=volume.id, target_path=spelled(target))
    assert (target / "data").read_text() == "kept"


@every_version("volume")
def test_a_trailing_separator_changes_nothing(volumes, volume, target):
    volumes.MountVolume(volume_id=volume.id, target_path=windows(target) + "\\")
    volumes.MountVolume(volume_id=volume.id, target_path=f"{target}/")
    assert volume.disk.mounts() == [str(target)]
    volumes.UnmountVolume(volume_id=volume.id, target_path=f"{target}/")
    assert volume.disk.mounts() == []


@every_version("volume")
def test_one_volume_at_several_places(volumes, volume, kubelet):
    places = [kubelet / name for name in "abc"]
    for place in places:
        place.mkdir()
        volumes.MountVolume(volume_id=volume.id, target_path=place)
    (places[0] / "data").write_text("shared")
    volumes.UnmountVolume(volume_id=volume.id, target_path=places[0])
    assert [(place / "data").read_text() for place in places[1:]] == ["shared"] * 2
    assert not (places[0] / "data").exists()


@every_version("volume")
def test_a_directory_that_is_taken(volumes, formatted, mounted, kubelet):
    other = formatted()
    with refused(StatusCode.FAILED_PRECONDITION):
        volumes.MountVolume(volume_id=other.id, target_path=mounted.path)
    (kubelet / "full").mkdir()
    (kubelet / "full" / "data").write_text("kept")
    with refused(StatusCode.FAILED_PRECONDITION):
        volumes.MountVolume(volume_id=other.id, target_path=kubelet / "full")
    assert other.disk.mounts() == []
    assert (mounted.path / "data").read_text() == "kept"


@every_version("volume")
def test_a_directory_that_is_none(volumes, volume, kubelet):
    (kubelet / "file").touch()
    (kubelet / "directory").mkdir()
    (kubelet / "link").symlink_to(kubelet / "directory")
    with refused(StatusCode.NOT_FOUND):
        volumes.MountVolume(volume_id=volume.id, target_path=kubelet / "missing")
    for name in ("file", "link"):
        with refused(StatusCode.FAILED_PRECONDITION):
            volumes.MountVolume(volume_id=volume.id, target_path=kubelet / name)
    assert volume.disk.mounts() == []


@every_version("volume")
def test_a_volume_that_is_not_formatted(volumes, blank, target):
    with refused(StatusCode.FAILED_PRECONDITION):
        volumes.MountVolume(volume_id=blank.id, target_path=target)
    assert blank.disk.mounts() == []


@every_version("volume")
def test_paths_that_are_refused(volumes, proxy, volume, scratch):
    outside = scratch / "mount-outside"
    outside.mkdir(exist_ok=True)
    neighbour = proxy.kubelet.with_name(f"{proxy.kubelet.name}-evil")
    neighbour.mkdir(exist_ok=True)
    for method in (volumes.MountVolume, volumes.UnmountVolume):
        for path in ("", "relative", "C:relative", r"\\server\share", "/a/../b", r"C:\a\..\b", "/a\0b", r"C:\a:b"):
            with refused(StatusCode.INVALID_ARGUMENT):
                method(volume_id=volume.id, target_path=path)
        for path in (outside, windows(outside), neighbour, proxy.kubelet, proxy.kubelet.parent, "C:\\", r"D:\x"):
            with refused(StatusCode.PERMISSION_DENIED):
                method(volume_id=volume.id, target_path=path)
    assert volume.disk.mounts() == []


# -- Unmounting ---------------------------------------------------------------------------------------------------


@every_version("volume")
def test_unmounting_what_is_not_mounted(volumes, volume, target, kubelet):
    volumes.MountVolume(volume_id=volume.id, target_path=target)
    volumes.UnmountVolume(volume_id=volume.id, target_path=target)
    with refused(StatusCode.FAILED_PRECONDITION):
        volumes.UnmountVolume(volume_id=volume.id, target_path=target)
    with refused(StatusCode.NOT_FOUND):
        volumes.UnmountVolume(volume_id=volume.id, target_path=kubelet / "missing")


@every_version("volume")
def test_unmounting_by_the_id_of_another_volume(volumes, formatted, mounted):
    other = formatted()
    with refused(StatusCode.FAILED_PRECONDITION):
        volumes.UnmountVolume(volume_id=other.id, target_path=mounted.path)
    assert (mounted.path / "data").read_text() == "kept"


@every_version("volume")
def test_unmounting_what_is_in_use(volumes, mounted):
    with (mounted.path / "data").open():
        with refused(StatusCode.FAILED_PRECONDITION):
            volumes.UnmountVolume(volume_id=mounted.id, target_path=mounted.path)
        assert (mounted.path / "data").read_text() == "kept"
    volumes.UnmountVolume(volume_id=mounted.id, target_path=mounted.path)


# -- Which volume is at a path ------------------------------------------------------------------------------------


@every_version("volume", "GetVolumeIDFromTargetPath")
@each_spelling(posix, windows, driveless)
def test_the_volume_of_a_mount(volumes, spelled, mounted, kubelet):
    (kubelet / "link").symlink_to(mounted.path)
    (kubelet / "second").symlink_to(kubelet / "link")
    for path in (mounted.path, kubelet / "link", kubelet / "second"):
        assert volumes.GetVolumeIDFromTargetPath(target_path=spelled(path)).volume_id == mounted.id
    listed = volumes.ListVolumesOnDisk(disk_number=mounted.disk.number).volume_ids
    assert listed == [mounted.id]


@every_version("volume", "GetVolumeIDFromTargetPath")
@each_spelling(posix, windows, driveless)
def test_what_is_no_mount(volumes, spelled, proxy, mounted, kubelet):
    (kubelet / "plain").mkdir()
    (kubelet / "link").symlink_to(kubelet / "plain")
    (mounted.path / "inside").mkdir()
    for path in (kubelet / "plain", kubelet / "link", mounted.path / "inside"):
        with refused(StatusCode.FAILED_PRECONDITION, "not a mounted folder"):
            volumes.GetVolumeIDFromTargetPath(target_path=spelled(path))
    (kubelet / "dangling").symlink_to(kubelet / "gone")
    for path in (kubelet / "missing", kubelet / "dangling"):
        with refused(StatusCode.NOT_FOUND):
            volumes.GetVolumeIDFromTargetPath(target_path=spelled(path))
    with refused(StatusCode.PERMISSION_DENIED):
        volumes.GetVolumeIDFromTargetPath(target_path=spelled(proxy.directory))


@every_version("volume", "GetVolumeIDFromTargetPath")
def test_paths_that_lead_out(volumes, proxy, kubelet):
    (kubelet / "out").symlink_to("/")
    for path in ("/", "C:\\", "c:\\", "\\", r"D:\x", kubelet / "out"):
        with refused(StatusCode.PERMISSION_DENIED):
            volumes.GetVolumeIDFromTargetPath(target_path=path)
    for path in ("", "C:", "relative", r"\\?\C:\x", r"C:\a\..\b"):
        with refused(StatusCode.INVALID_ARGUMENT):
            volumes.GetVolumeIDFromTargetPath(target_path=path)


@every_version("volume", "GetVolumeIDFromTargetPath")
def test_a_mount_of_no_volume(volumes, tmpfs):
    with refused(StatusCode.FAILED_PRECONDITION):
        volumes.GetVolumeIDFromTargetPath(target_path=tmpfs)


@every_version("volume", "GetClosestVolumeIDFromTargetPath")
@each_spelling(posix, windows, driveless)
def test_the_volume_closest_to_a_path(volumes, spelled, mounted, kubelet):
    (mounted.path / "foo" / "bar").mkdir(parents=True)
    (kubelet / "link").symlink_to(mounted.path)
    (kubelet / "deep").symlink_to(mounted.path / "foo")
    for path in (mounted.path, mounted.path / "foo" / "bar", mounted.path / "data", kubelet / "link",
                 kubelet / "link" / "foo", kubelet / "deep" / "bar"):
        assert volumes.GetClosestVolumeIDFromTargetPath(target_path=spelled(path)).volume_id == mounted.id
    for path in (kubelet / "missing", mounted.path / "missing"):
        with refused(StatusCode.NOT_FOUND):
            volumes.GetClosestVolumeIDFromTargetPath(target_path=spelled(path))


@every_version("volume", "GetClosestVolumeIDFromTargetPath")
def test_the_volume_closest_to_a_plain_directory_is_its_drive(volumes, start_proxy, mounted):
    """C: is the mounted volume here."""
    (mounted.path / "plain" / "directory").mkdir(parents=True)
    proxy = start_proxy("--drive", f"C={mounted.path}", kubelet=mounted.path / "plain")
    closest = proxy.service("volume", volumes.version).GetClosestVolumeIDFromTargetPath
    for path in (r"C:\plain", r"C:\plain\directory", r"\plain\directory"):
        assert closest(target_path=path).volume_id == mounted.id
    with refused(StatusCode.PERMISSION_DENIED):
        closest(target_path="C:\\")


@every_version("volume", "GetClosestVolumeIDFromTargetPath")
def test_a_path_on_no_volume(volumes, tmpfs):
    (tmpfs / "directory").mkdir()
    with refused(StatusCode.FAILED_PRECONDITION):
        volumes.GetClosestVolumeIDFromTargetPath(target_path=tmpfs / "directory")
