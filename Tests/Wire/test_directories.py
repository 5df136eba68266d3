# SPDX-License-Identifier: Apache-2.0
"""The filesystem group: making directories and links, and additions of the first versions."""
import os

import pytest
from grpc import StatusCode

from spelling import driveless, each_spelling, posix, windows
from wire import every_version, refused

# The wire has a place for them in the first versions alone. Any value is taken, also one that has no name.
CONTEXTS = [0, 1, 7]


@every_version("filesystem")
@each_spelling()
def test_stage_publish_and_take_away(files, spelled, kubelet):
    stage = kubelet / "plugins" / "testplugin" / "volume1"
    pod = kubelet / "pods" / "test-pod-id" / "volumes" / "kubernetes.io~csi" / "pvc"
    link = pod / "rootvol"

    files.Mkdir(path=spelled(stage))
    files.Mkdir(path=spelled(pod))
    assert stage.is_dir() and pod.is_dir()
    assert pod.parent.stat().st_mode & 0o7777 == 0o755

    files.CreateSymlink(source_path=spelled(stage), target_path=spelled(link))
    assert os.readlink(link) == str(stage)
    assert files.PathExists(path=spelled(link)).exists

    (stage / "data").write_text("kept")
    files.Rmdir(path=spelled(pod), force=True)
    assert not pod.exists()
    assert (stage / "data").read_text() == "kept"

    files.Rmdir(path=spelled(stage), force=True)
    assert not stage.exists()


@every_version("filesystem")
def test_path_exists_says_of_a_link_itself(files, kubelet):
    (kubelet / "file").touch()
    (kubelet / "dangling").symlink_to(kubelet / "gone")
    assert files.PathExists(path=kubelet).exists
    assert files.PathExists(path=kubelet / "file").exists
    assert files.PathExists(path=kubelet / "dangling").exists
    assert not files.PathExists(path=kubelet / "missing").exists
    assert not files.PathExists(path=kubelet / "missing" / "below").exists


@every_version("filesystem")
def test_mkdir_of_what_is_there(files, kubelet):
    files.Mkdir(path=kubelet / "directory")
    (kubelet / "directory" / "data").touch()
    files.Mkdir(path=kubelet / "directory")
    assert (kubelet / "directory" / "data").exists()

    (kubelet / "file").touch()
    with refused(StatusCode.FAILED_PRECONDITION):
        files.Mkdir(path=kubelet / "file")
    with refused(StatusCode.FAILED_PRECONDITION):
        files.Mkdir(path=kubelet / "file" / "below")


# -- Links --------------------------------------------------------------------------------------------------------


@every_version("filesystem")
@each_spelling(posix, windows, driveless)
def test_is_symlink(files, spelled, kubelet):
    (kubelet / "target").mkdir()
    (kubelet / "file").touch()
    (kubelet / "link").symlink_to(kubelet / "target")

    with refused(StatusCode.NOT_FOUND):
        files.IsSymlink(path=spelled(kubelet / "missing"))
    assert not files.IsSymlink(path=spelled(kubelet / "target")).is_symlink
    assert not files.IsSymlink(path=spelled(kubelet / "file")).is_symlink
    assert files.IsSymlink(path=spelled(kubelet / "link")).is_symlink

    (kubelet / "target").rmdir()
    assert not files.IsSymlink(path=spelled(kubelet / "link")).is_symlink


@every_version("filesystem")
def test_is_symlink_looks_at_the_immediate_target_alone(files, kubelet):
    (kubelet / "dangling").symlink_to(kubelet / "gone")
    (kubelet / "link").symlink_to(kubelet / "dangling")
    (kubelet / "relative").symlink_to("dangling")
    assert files.IsSymlink(path=kubelet / "link").is_symlink
    assert files.IsSymlink(path=kubelet / "relative").is_symlink
    assert not files.IsSymlink(path=kubelet / "dangling").is_symlink


@every_version("filesystem")
def test_is_symlink_of_a_mount(files, mounted):
    assert files.IsSymlink(path=mounted.path).is_symlink


@every_version("filesystem")
def test_create_symlink_never_replaces_anything(files, kubelet):
    source = kubelet / "source"
    source.mkdir()
    (kubelet / "empty").mkdir()
    (kubelet / "file").write_text("kept")
    (kubelet / "dangling").symlink_to(kubelet / "gone")
    (kubelet / "same").symlink_to(source)
    for name in ("empty", "file", "dangling", "same"):
        with refused(StatusCode.ALREADY_EXISTS):
            files.CreateSymlink(source_path=source, target_path=kubelet / name)
    assert (kubelet / "empty").is_dir() and not (kubelet / "empty").is_symlink()
    assert (kubelet / "file").read_text() == "kept"
    assert os.readlink(kubelet / "dangling") == str(kubelet / "gone")


@every_version("filesystem")
def test_create_symlink_takes_a_missing_source_and_no_missing_parent(files, kubelet):
    files.CreateSymlink(source_path=kubelet / "gone", target_path=kubelet / "link")
    assert os.readlink(kubelet / "link") == str(kubelet / "gone")
    with refused(StatusCode.NOT_FOUND):
        files.CreateSymlink(source_path=kubelet, target_path=kubelet / "missing" / "link")


# -- Context and error of the first versions ----------------------------------------------------------------------


@pytest.mark.parametrize("files", ["v1alpha1", "v1beta1"], indirect=True)
@pytest.mark.parametrize("context", CONTEXTS)
def test_any_context_is_ignored_and_no_error_is_filled_in(files, context, kubelet):
    path = kubelet / "directory"
    for answer in (
        files.Mkdir(path=path, context=context),
        files.PathExists(path=path, context=context),
        files.CreateSymlink(source_path=path, target_path=kubelet / "link"),
        files.IsSymlink(path=kubelet / "link"),
        files.Rmdir(path=path, context=context, force=False),
    ):
        assert answer.message.error == ""
    with refused(StatusCode.NOT_FOUND):
        files.Rmdir(path=path, context=context, force=False)
