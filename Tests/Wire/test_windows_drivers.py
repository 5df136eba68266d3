# SPDX-License-Identifier: Apache-2.0
"""`csi-proxy sandbox`, and the example that takes it for a Windows host."""
import contextlib
import itertools
import json
import os
import pathlib
import re
import signal
import sys

import grpc
import pytest
from google.protobuf import message_factory
from grpc import StatusCode

from eventually import PATIENCE
from loop_disk import run
from proxy import SOCKETS
from sandbox import Sandbox
from wire import Service, methods, refused

sys.path.append(str(pathlib.Path(__file__).parents[2] / "Examples" / "windows-driver"))
import windows_driver  # noqa: E402

counter = itertools.count(1)
NOBODY = 65534


@pytest.fixture
def start(scratch):
    """Starts sandboxes. One that was killed is cleaned up after by one more."""

    def start_one(*options, directory=None, **settings):
        sandbox = Sandbox(directory or scratch / f"sandbox-{next(counter)}", *options, **settings)
        at_end.callback(lambda: sandbox.process.poll() is None and sandbox.stop())
        return sandbox

    with contextlib.ExitStack() as at_end:
        yield start_one


def loop_devices(directory):
    """The loop devices on files beneath a directory."""
    devices = json.loads(run("losetup", "--list", "--json") or '{"loopdevices": []}')["loopdevices"]
    return [device["name"] for device in devices if (device["back-file"] or "").startswith(f"{directory}/")]


def mounts(directory):
    lines = pathlib.Path("/proc/self/mounts").read_text().splitlines()
    return [line.split()[1] for line in lines if line.split()[1].startswith(f"{directory}/")]


def service(sandbox, group, version="v1"):
    channel = grpc.insecure_channel(
        f"unix:{sandbox.sockets}/csi-proxy-{group}-{version}", options=[("grpc.default_authority", "localhost")])
    return Service(channel, group, version)


@pytest.mark.parametrize("driver", windows_driver.DRIVERS)
def test_the_drivers_take_a_sandbox_for_a_windows_host(start, driver):
    # A mounted xfs grows without CAP_SYS_RESOURCE.
    sandbox = start("--filesystem", "xfs")
    lun = list(windows_driver.DRIVERS).index(driver)
    staged = []

    def look(staging_path):
        place = sandbox.drive + staging_path.removeprefix("C:").replace("\\", "/")
        assert os.path.ismount(place)
        staged.append(os.statvfs(place).f_blocks * os.statvfs(place).f_frsize)

    def grow(_):
        os.truncate(sandbox.disk_files[lun], 2 << 30)
        service(sandbox, "disk").Rescan()

    windows_driver.run(driver, windows_driver.CSIProxy(sandbox.sockets), grow=grow, staged=look)
    assert staged[1] > 1.8 * staged[0], "the volume has grown with its disk, and kept its filesystem"


@pytest.mark.parametrize("driver", windows_driver.DRIVERS)
def test_the_drivers_take_a_host_in_memory_for_one(start, driver):
    sandbox = start(user=NOBODY)
    assert sandbox.drive == "in memory"
    windows_driver.run(driver, windows_driver.CSIProxy(sandbox.sockets))
    assert loop_devices(sandbox.directory) == []


def test_the_driver_of_shares_takes_a_host_in_memory_for_one(start):
    sandbox = start("--in-memory")
    remote, user, password = re.fullmatch(r"share (\S+) user (\S+) password (\S+)", sandbox.said[-1]).groups()
    looked = []
    proxy = windows_driver.CSIProxy(sandbox.sockets)
    windows_driver.run_smb(
        proxy, remote, user, password,
        published=lambda staging, target: looked.append(proxy.IsSymlink(path=target).is_symlink))
    assert looked == [True] * 6
    with pytest.raises(grpc.RpcError) as error:
        windows_driver.run_smb(proxy, remote, user, "wrong")
    assert error.value.code() == StatusCode.PERMISSION_DENIED


def test_without_disks_no_root_is_needed_for_real_files(start):
    sandbox = start("--disks", 0, user=NOBODY)
    files = service(sandbox, "filesystem")
    files.Mkdir(path=r"C:\var\lib\kubelet\pods\A")
    assert pathlib.Path(sandbox.drive, "var/lib/kubelet/pods/A").stat().st_uid == NOBODY
    # Case is as on Windows.
    assert files.PathExists(path=r"c:\VAR\lib\Kubelet\PODS\a").exists
    files.CreateSymlink(source_path=r"C:\var\lib\kubelet\pods\a", target_path=r"C:\var\lib\kubelet\link")
    assert files.IsSymlink(path=r"\var\lib\kubelet\LINK").is_symlink
    assert service(sandbox, "disk").ListDiskIDs().disk_ids == {}
    files.Rmdir(path=r"C:\var\lib\kubelet\link", force=True)
    assert sandbox.stop() == 0
    assert sandbox.own == []


def test_paths_are_windows_paths_in_requests_and_answers(start):
    sandbox = start("--disks", 0)
    files = service(sandbox, "filesystem")
    for path in ("/var/lib/kubelet/x", f"{sandbox.drive}/var/lib/kubelet/x", r"\var\lib\kubelet\x"):
        with refused(StatusCode.INVALID_ARGUMENT):
            files.Mkdir(path=path)
    with refused(StatusCode.NOT_FOUND, r"C:\var\lib\kubelet\missing"):
        files.Rmdir(path=r"C:\var\lib\kubelet\missing", force=False)
    with refused(StatusCode.PERMISSION_DENIED, r"working directories: C:\var\lib\kubelet"):
        files.Mkdir(path=r"C:\Windows")


def test_only_the_sandboxs_own_disks_are_there(start, attach):
    other = attach()
    sandbox = start("--disks", 2, "--disk-size", 64, "--page83", "Google named")
    disks = service(sandbox, "disk")
    named = {ids.page83: number for number, ids in disks.ListDiskIDs().disk_ids.items()}
    assert named.keys() == {"Google named", "sandbox-disk-1"}
    assert {location.LUNID for location in disks.ListDiskLocations().disk_locations.values()} == {"0", "1"}
    before = other.fingerprint()
    for call in (disks.PartitionDisk, disks.GetDiskStats, disks.GetDiskState):
        with refused(StatusCode.NOT_FOUND):
            call(disk_number=other.number)
    with refused(StatusCode.NOT_FOUND):
        disks.SetDiskState(disk_number=other.number, is_online=False)
    with refused(StatusCode.NOT_FOUND):
        service(sandbox, "volume").ListVolumesOnDisk(disk_number=other.number)
    other.grow(2 << 30)
    disks.Rescan()
    assert other.size == 1 << 30, "its capacity is not the sandbox's to look at"
    assert other.fingerprint() == before
    assert disks.GetDiskStats(disk_number=named["Google named"]).total_bytes == 64 << 20


def stage(sandbox):
    """Leaves a volume of the first disk mounted."""
    driver = windows_driver.AzureDisk(windows_driver.CSIProxy(sandbox.sockets))
    driver.stage(0, r"C:\var\lib\kubelet\stage")
    assert mounts(sandbox.directory) and len(loop_devices(sandbox.directory)) == 3


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_all_that_was_made_is_removed(start, signal_number):
    sandbox = start()
    stage(sandbox)
    assert sandbox.stop(signal_number) == 0
    assert (mounts(sandbox.directory), loop_devices(sandbox.directory), sandbox.own) == ([], [], [])


def test_what_a_killed_sandbox_has_left_the_next_one_removes(start):
    running = start("--disks", 1)
    killed = start(directory=running.directory)
    stage_count = len(loop_devices(running.directory))
    driver = windows_driver.AzureDisk(windows_driver.CSIProxy(killed.sockets))
    driver.stage(0, r"C:\var\lib\kubelet\stage")
    killed.kill()
    assert mounts(running.directory) and stage_count == 4
    following = start("--disks", 1, directory=running.directory)
    # One of each of the two that run is left, and the first is still served.
    assert len(following.own) == 2 and len(loop_devices(running.directory)) == 2 and mounts(running.directory) == []
    assert service(running, "filesystem").PathExists(path=r"C:\var\lib\kubelet").exists
    for sandbox in (running, following):
        assert sandbox.stop() == 0
    assert (loop_devices(running.directory), running.own) == ([], [])


def test_a_directory_that_others_may_enter_is_refused(scratch, start):
    directory = scratch / f"sandbox-{next(counter)}"
    theirs = directory / f"csi-proxy-sandbox-{os.geteuid()}"
    for make in (lambda: theirs.mkdir(mode=0o755), lambda: theirs.symlink_to(scratch)):
        directory.mkdir(exist_ok=True)
        make()
        sandbox = start(directory=directory)
        assert sandbox.process.wait(timeout=PATIENCE) == 1
        assert "this user's alone" in sandbox.log.read_text()
        theirs.unlink() if theirs.is_symlink() else theirs.rmdir()


def test_serve_takes_the_windows_dialect_alone_when_set(start_proxy, scratch):
    drive = scratch / "dialect"
    (drive / "kubelet").mkdir(parents=True)
    proxy = start_proxy("--dialect", "windows", "--ignore-case", "--drive", f"C={drive}", kubelet=drive / "kubelet")
    files = proxy.service("filesystem")
    files.Mkdir(path=r"C:\kubelet\Made")
    assert (drive / "kubelet" / "Made").is_dir()
    assert files.PathExists(path=r"C:\Kubelet\MADE").exists
    with refused(StatusCode.INVALID_ARGUMENT, "invalid characters"):
        files.Mkdir(path=f"{drive}/kubelet/x")
    with refused(StatusCode.NOT_FOUND, r"C:\kubelet\x"):
        files.Rmdir(path=r"C:\kubelet\x", force=False)


def test_a_volume_is_the_closest_to_what_is_on_it_and_grows_without_a_rescan(start):
    sandbox = start("--disks", 1, "--disk-size", 512, "--filesystem", "xfs")
    disks, files, volumes = service(sandbox, "disk"), service(sandbox, "filesystem"), service(sandbox, "volume", "v2alpha1")
    ((number, _),) = disks.ListDiskIDs().disk_ids.items()
    disks.PartitionDisk(disk_number=number)
    (id,) = volumes.ListVolumesOnDisk(disk_number=number).volume_ids
    volumes.FormatVolume(volume_id=id)
    stage = r"C:\var\lib\kubelet\stage"
    files.Mkdir(path=stage)
    volumes.MountVolume(volume_id=id, target_path=stage)
    files.Mkdir(path=stage + r"\a\b")
    assert volumes.GetClosestVolumeIDFromTargetPath(target_path=stage + r"\a\b").volume_id == id
    assert volumes.GetVolumeIDFromTargetPath(target_path=stage).volume_id == id
    # Windows has a volume there, C:, and the sandbox none: this machine's own is not revealed.
    with refused(StatusCode.FAILED_PRECONDITION):
        volumes.GetClosestVolumeIDFromTargetPath(target_path=r"C:\var\lib\kubelet")

    os.truncate(sandbox.disk_files[0], 1 << 30)
    volumes.ResizeVolume(volume_id=id, size_bytes=0)
    assert volumes.GetVolumeStats(volume_id=id).total_bytes > 1000 << 20
    volumes.UnmountVolume(volume_id=id, target_path=stage)


def requests(descriptor, values):
    """One for each value that a field of text can have, with numbers that there are and that there are not."""
    texts = [field for field in descriptor.input_type.fields if field.type == field.TYPE_STRING]
    for value in values if texts else [None]:
        for number in (0, 1 << 30):
            message = message_factory.GetMessageClass(descriptor.input_type)()
            for field in descriptor.input_type.fields:
                if field.is_repeated or field.type == field.TYPE_BOOL:
                    continue
                if field.type == field.TYPE_STRING:
                    setattr(message, field.name, value)
                elif field.type not in (field.TYPE_MESSAGE, field.TYPE_ENUM, field.TYPE_BYTES):
                    setattr(message, field.name, number)
            yield message


def test_no_error_tells_a_path_of_the_host(start_proxy, scratch):
    """In the Windows dialect, by any method."""
    drive = scratch / "errors"
    (drive / "kubelet" / "directory" / "below").mkdir(parents=True)
    (drive / "kubelet" / "file").write_text("text")
    (drive / "kubelet" / "loop").symlink_to(drive / "kubelet" / "loop")
    (drive / "kubelet" / "outside").symlink_to(scratch)
    (drive / "kubelet" / "broken").symlink_to(drive / "kubelet" / "missing")
    proxy = start_proxy("--dialect", "windows", "--drive", f"C={drive}", kubelet=drive / "kubelet")
    names = ["missing", r"missing\x", "directory", "file", r"file\x", "loop", r"loop\x", "outside", r"outside\x", "broken"]
    values = [rf"C:\kubelet\{name}" for name in names] + [
        r"C:\kubelet", r"C:\elsewhere", "\\kubelet\\file", f"{drive}/kubelet/file", r"\\server\share", "", "1073741824",
        r"\\?\Volume{00000000-0000-5000-8000-000000000000}" + "\\"]
    seen = 0
    for group, version in SOCKETS:
        for name, descriptor in methods(group, version).items():
            if (group, name) in {("iscsi", "DiscoverTargetPortal"), ("smb", "NewSmbGlobalMapping")}:
                continue  # asks a server
            call = proxy.channel(group, version).unary_unary(
                f"/{descriptor.containing_service.full_name}/{name}",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=message_factory.GetMessageClass(descriptor.output_type).FromString)
            for request in requests(descriptor, values):
                try:
                    call(request, timeout=PATIENCE)
                except grpc.RpcError as error:
                    seen += 1
                    own = str(request)
                    text = error.details()
                    # Text that the caller sent itself is no secret.
                    is_named = str(drive) in text and str(drive) not in own
                    assert not is_named, f"{version}.{group}.{name} {own}: {text}"
                    assert error.code() not in (StatusCode.INTERNAL, StatusCode.UNKNOWN), f"{name} {own}: {text}"
    assert seen > 500
