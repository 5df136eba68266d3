# SPDX-License-Identifier: Apache-2.0
"""The filesystem group: removal and its limits."""
import os

import pytest
from grpc import StatusCode

from spelling import each_spelling
from wire import every_version, refused


@every_version("filesystem")
@pytest.mark.parametrize("force", [False, True])
def test_rmdir_of_a_file_a_link_and_an_empty_directory(files, force, kubelet):
    (kubelet / "target").mkdir()
    (kubelet / "target" / "data").write_text("kept")
    (kubelet / "link").symlink_to(kubelet / "target")
    (kubelet / "dangling").symlink_to(kubelet / "gone")
    (kubelet / "file").touch()
    (kubelet / "empty").mkdir()
    for name in ("link", "dangling", "file", "empty"):
        files.Rmdir(path=kubelet / name, force=force)
    assert os.listdir(kubelet) == ["target"]
    assert (kubelet / "target" / "data").read_text() == "kept"


@every_version("filesystem")
def test_rmdir_without_force(files, kubelet):
    (kubelet / "full").mkdir()
    (kubelet / "full" / "data").write_text("kept")
    with refused(StatusCode.NOT_FOUND):
        files.Rmdir(path=kubelet / "missing", force=False)
    with refused(StatusCode.FAILED_PRECONDITION):
        files.Rmdir(path=kubelet / "full", force=False)
    assert (kubelet / "full" / "data").read_text() == "kept"


@every_version("filesystem")
def test_rmdir_with_force_takes_a_missing_path_for_success(files, kubelet):
    files.Rmdir(path=kubelet / "missing", force=True)
    files.Rmdir(path=kubelet / "missing" / "below", force=True)


@every_version("filesystem")
def test_rmdir_with_force_follows_no_link_in_the_tree(files, kubelet):
    (kubelet / "outside" / "deeper").mkdir(parents=True)
    (kubelet / "outside" / "data").write_text("kept")
    (kubelet / "tree" / "below").mkdir(parents=True)
    (kubelet / "tree" / "below" / "directory").symlink_to(kubelet / "outside")
    (kubelet / "tree" / "below" / "file").symlink_to(kubelet / "outside" / "data")
    files.Rmdir(path=kubelet / "tree", force=True)
    assert not (kubelet / "tree").exists()
    assert (kubelet / "outside" / "data").read_text() == "kept"
    assert (kubelet / "outside" / "deeper").is_dir()


@every_version("filesystem", "RmdirContents")
def test_rmdir_contents(files, kubelet):
    for path in ("foo/goo", "foo/bar/baz", "alpha/beta/gamma"):
        (kubelet / "tree" / path).mkdir(parents=True)
    (kubelet / "tree" / "foo" / "data").touch()
    files.RmdirContents(path=kubelet / "tree")
    assert os.listdir(kubelet / "tree") == []
    files.RmdirContents(path=kubelet / "tree")


@every_version("filesystem", "RmdirContents")
def test_rmdir_contents_follows_no_link(files, kubelet):
    (kubelet / "outside").mkdir()
    (kubelet / "outside" / "target").write_text("kept")
    (kubelet / "inside").mkdir()
    (kubelet / "inside" / "file").symlink_to(kubelet / "outside" / "target")
    (kubelet / "inside" / "directory").symlink_to(kubelet / "outside")
    (kubelet / "link").symlink_to(kubelet / "outside")
    files.RmdirContents(path=kubelet / "inside")
    assert os.listdir(kubelet / "inside") == []
    with refused(StatusCode.FAILED_PRECONDITION):
        files.RmdirContents(path=kubelet / "link")
    assert (kubelet / "outside" / "target").read_text() == "kept"


@every_version("filesystem", "RmdirContents")
def test_rmdir_contents_of_what_is_no_directory(files, kubelet):
    (kubelet / "file").write_text("kept")
    with refused(StatusCode.NOT_FOUND):
        files.RmdirContents(path=kubelet / "missing")
    with refused(StatusCode.FAILED_PRECONDITION):
        files.RmdirContents(path=kubelet / "file")
    assert (kubelet / "file").read_text() == "kept"


# -- Removal and mounts -------------------------------------------------------------------------------------------


@every_version("filesystem")
@each_spelling()
def test_rmdir_with_force_unmounts_a_mount_and_keeps_its_data(files, spelled, proxy, mounted, kubelet):
    """Some drivers know no other way to unmount."""
    files.Rmdir(path=spelled(mounted.path), force=True)
    assert not mounted.path.exists()
    assert mounted.disk.mounts() == []

    again = kubelet / "again"
    again.mkdir()
    proxy.service("volume").MountVolume(volume_id=mounted.id, target_path=again)
    assert (again / "data").read_text() == "kept"


@every_version("filesystem")
def test_rmdir_without_force_leaves_a_mount_alone(files, mounted):
    with refused(StatusCode.FAILED_PRECONDITION):
        files.Rmdir(path=mounted.path, force=False)
    assert (mounted.path / "data").read_text() == "kept"


@every_version("filesystem")
def test_rmdir_of_a_tree_stops_at_a_mount(files, mounted):
    with refused(StatusCode.FAILED_PRECONDITION):
        files.Rmdir(path=mounted.path.parent, force=True)
    assert (mounted.path / "data").read_text() == "kept"


@every_version("filesystem", "RmdirContents")
def test_rmdir_contents_stops_at_a_mount(files, mounted):
    with refused(StatusCode.FAILED_PRECONDITION):
        files.RmdirContents(path=mounted.path.parent)
    assert (mounted.path / "data").read_text() == "kept"


@every_version("filesystem")
def test_rmdir_with_force_of_a_mount_in_use(files, mounted):
    with (mounted.path / "data").open():
        with refused(StatusCode.FAILED_PRECONDITION):
            files.Rmdir(path=mounted.path, force=True)
    assert (mounted.path / "data").read_text() == "kept"
