# SPDX-License-Identifier: Apache-2.0
"""Publishing volumes to pods, as a node plugin does it over the sockets: bind mounts, their state, statistics, and their
end. From v2 on."""
import concurrent.futures
import contextlib
import os
import pathlib
import signal
import stat
import time

import pytest
from grpc import StatusCode

from eventually import eventually
from loop_disk import MIB, run
from wire import every_version, refused

ABSENT, DIRECTORY, FILE, LINK, MOUNTED, DEAD = 1, 2, 3, 4, 6, 7
newest = every_version("volume", "BindMount")


@pytest.fixture
def stage(kubelet):
    path = kubelet / "stage"
    path.mkdir()
    return path


@pytest.fixture
def pod(kubelet):
    path = kubelet / "pod"
    path.mkdir()
    return path


def flags_of(path):
    """Those of the topmost mount on a path, as the kernel has them."""
    with open("/proc/self/mountinfo") as table:
        return [line.split()[5].split(",") for line in table if line.split()[4] == str(path)][-1]


@newest
def test_a_volume_is_staged_published_read_only_and_taken_back(volumes, volume, stage, pod):
    volumes.MountVolume(volume_id=volume.id, target_path=str(stage))
    (stage / "data").write_text("kept")
    mount = volumes.BindMount(source_path=str(stage), target_path=str(pod), read_only=True).mount
    assert mount.read_only and mount.type == "ext4" and mount.disk_number
    assert (pod / "data").read_text() == "kept"
    with pytest.raises(OSError, match="Read-only"):
        (pod / "more").write_text("")
    (stage / "more").write_text("")

    # As often as it is asked for.
    volumes.BindMount(source_path=str(stage), target_path=str(pod), read_only=True)
    assert run("findmnt", "--noheadings", "--output", "TARGET", "--mountpoint", str(pod)) == str(pod)
    with refused(StatusCode.ALREADY_EXISTS, "read-only"):
        volumes.BindMount(source_path=str(stage), target_path=str(pod))

    stats = volumes.GetTargetStats(target_path=str(pod)).message
    assert stats.bytes.total == os.statvfs(pod).f_blocks * os.statvfs(pod).f_frsize
    assert stats.inodes.available == os.statvfs(pod).f_favail
    result = volumes.CleanupTarget(target_path=str(pod)).result
    assert result.unmounted == 1 and not result.released
    assert not pod.exists()
    assert volumes.CleanupTarget(target_path=str(pod)).result.unmounted == 0
    assert (stage / "data").read_text() == "kept"
    assert volumes.UnmountTarget(target_path=str(stage)).result.released


@newest
def test_a_bind_mount_keeps_the_flags_of_its_source(volumes, kubelet, stage, pod):
    run("mount", "-t", "tmpfs", "-o", "nosuid,nodev,noexec,nosymfollow", "tmpfs", str(stage))
    (stage / "inner").mkdir()
    volumes.BindMount(source_path=str(stage / "inner"), target_path=str(pod), read_only=True)
    assert {"ro", "nosuid", "nodev", "noexec", "nosymfollow"} <= set(flags_of(pod))
    assert "rw" in flags_of(stage)
    volumes.CleanupTarget(target_path=str(pod))
    volumes.UnmountTarget(target_path=str(stage))


@newest
def test_mounts_below_a_source_come_only_where_they_are_asked_for(volumes, kubelet, stage, pod):
    inner = stage / "inner"
    inner.mkdir()
    run("mount", "-t", "tmpfs", "tmpfs", str(inner))
    (inner / "below").write_text("")
    volumes.BindMount(source_path=str(stage), target_path=str(pod))
    assert not (pod / "inner" / "below").exists()
    volumes.UnmountTarget(target_path=str(pod))
    volumes.BindMount(source_path=str(stage), target_path=str(pod), recursive=True, read_only=True)
    assert (pod / "inner" / "below").exists()
    with pytest.raises(OSError, match="Read-only"):
        (pod / "inner" / "more").write_text("")
    # A mount below keeps it in use, and goes first.
    with refused(StatusCode.FAILED_PRECONDITION, "in use"):
        volumes.UnmountTarget(target_path=str(pod))
    volumes.UnmountTarget(target_path=str(pod / "inner"))
    volumes.UnmountTarget(target_path=str(pod))
    volumes.UnmountTarget(target_path=str(inner))


@newest
def test_a_volume_in_block_mode_is_its_device(volumes, blank, kubelet):
    target = kubelet / "block"
    target.touch()
    volumes.BindMount(volume_id=blank.id, target_path=str(target))
    assert target.is_block_device()
    with open(target, "r+b", buffering=0) as device:
        device.write(b"block" + bytes(507))
        os.fsync(device.fileno())
    assert volumes.GetTargetStats(target_path=str(target)).device_bytes == int(run("blockdev", "--getsize64", blank.disk.partition()))
    with refused(StatusCode.FAILED_PRECONDITION, "not blank"):
        volumes.FormatVolume(volume_id=blank.id)
    volumes.CleanupTarget(target_path=str(target))
    assert not target.exists()


@newest
def test_a_device_is_bound_by_its_disk_or_volume_alone(volumes, blank, disk, kubelet):
    """By a path the caller's rights to its disk would not be compared."""
    volumes_node, target = kubelet / "published", kubelet / "block"
    volumes_node.touch()
    target.touch()
    volumes.BindMount(volume_id=blank.id, target_path=str(volumes_node))
    node = kubelet / "node"
    device = os.stat(disk.device).st_rdev
    os.mknod(node, 0o600 | stat.S_IFBLK, device)
    os.mkfifo(kubelet / "pipe")
    for source in (volumes_node, node, kubelet / "pipe"):
        with refused(StatusCode.FAILED_PRECONDITION, "neither a directory nor a file"):
            volumes.BindMount(source_path=str(source), target_path=str(target))
    assert not os.path.ismount(target)
    volumes.CleanupTarget(target_path=str(volumes_node))


@newest
def test_a_disk_that_is_mounted_is_not_handed_out(volumes, volume, stage, kubelet):
    volumes.MountVolume(volume_id=volume.id, target_path=str(stage))
    target = kubelet / "block"
    target.touch()
    for source in ({"volume_id": volume.id}, {"disk_number": volume.disk.number}):
        with refused(StatusCode.FAILED_PRECONDITION, str(stage)):
            volumes.BindMount(**source, target_path=str(target))
    volumes.UnmountVolume(volume_id=volume.id, target_path=str(stage))
    volumes.BindMount(volume_id=volume.id, target_path=str(target))
    volumes.CleanupTarget(target_path=str(target))


@newest
def test_no_root_is_bound_and_so_no_share_of_others(proxy, volumes, pod):
    with refused(StatusCode.PERMISSION_DENIED, "shares of others"):
        volumes.BindMount(source_path=str(proxy.kubelet), target_path=str(pod), recursive=True)
    assert not os.path.ismount(pod)


@newest
def test_a_bind_mount_has_the_propagation_that_was_asked_for(volumes, kubelet, stage, pod):
    """Also where the mount around the target is shared, as systemd makes them."""
    run("mount", "--bind", str(kubelet), str(kubelet))
    run("mount", "--make-shared", str(kubelet))
    try:
        for number, name in {0: "shared", 1: "private", 2: "private,slave", 3: "shared"}.items():
            volumes.BindMount(source_path=str(stage), target_path=str(pod), propagation=number)
            assert run("findmnt", "--noheadings", "--output", "PROPAGATION", "--mountpoint", str(pod)) == name
            volumes.UnmountTarget(target_path=str(pod))
    finally:
        run("umount", str(kubelet))


@newest
def test_a_mount_that_has_come_meanwhile_is_left_alone(volumes, stage):
    run("mount", "-t", "tmpfs", "first", str(stage))
    with open(stage / "open", "w"), concurrent.futures.ThreadPoolExecutor() as pool:
        unmounting = pool.submit(volumes.UnmountTarget, target_path=str(stage), patience_ms=600_000)
        time.sleep(0.5)
        assert not unmounting.done()
        run("mount", "-t", "tmpfs", "second", str(stage))
        with refused(StatusCode.ABORTED, "another process"):
            unmounting.result()
    with open("/proc/self/mounts") as table:
        assert [line.split()[0] for line in table if line.split()[1] == str(stage)] == ["first", "second"]
    assert volumes.CleanupTarget(target_path=str(stage)).result.unmounted == 2


@newest
def test_a_disk_of_the_system_is_no_source(volumes, disks, kubelet):
    """S9: every disk that the proxy knows and that the machine runs from."""
    target = kubelet / "block"
    target.touch()
    system = os.stat("/").st_dev
    name = os.path.basename(os.path.realpath(f"/sys/dev/block/{os.major(system)}:{os.minor(system)}"))
    with open(f"/sys/class/block/{name}/diskseq") as file:
        number = int(file.read())
    with refused(StatusCode.PERMISSION_DENIED, "running system"):
        volumes.BindMount(disk_number=number, target_path=str(target))
    assert not os.path.ismount(target)


def held_by(process):
    """The files that a process has open."""
    directory = f"/proc/{process}/fd"
    return [os.readlink(f"{directory}/{name}") for name in os.listdir(directory)]


@newest
def test_what_holds_a_target_is_named_and_waited_for(volumes, volume, stage):
    volumes.MountVolume(volume_id=volume.id, target_path=str(stage))
    with open(stage / "open", "w"):
        with refused(StatusCode.FAILED_PRECONDITION, f"process {os.getpid()}"):
            volumes.UnmountTarget(target_path=str(stage))
        with refused(StatusCode.FAILED_PRECONDITION, f"process {os.getpid()}"):
            volumes.UnmountTarget(target_path=str(stage), escalation=1)
        with refused(StatusCode.FAILED_PRECONDITION, "not detached"):
            volumes.UnmountTarget(target_path=str(stage), escalation=2)
    reading, writing = os.pipe()
    holder = os.fork()
    if holder == 0:
        os.close(writing)
        with open(stage / "open", "w"):
            # Until the other end is closed.
            os.read(reading, 1)
        os._exit(0)
    os.close(reading)
    try:
        eventually("the process holds it", lambda: f"{stage}/open" in held_by(holder))
        with concurrent.futures.ThreadPoolExecutor() as pool:
            unmounting = pool.submit(volumes.UnmountTarget, target_path=str(stage), patience_ms=600_000)
            time.sleep(0.5)
            assert not unmounting.done()
            os.close(writing)
            assert unmounting.result().result.released
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)


@newest
def test_states_of_a_target(volumes, volume, kubelet, stage):
    def state(path):
        return volumes.GetTargetState(target_path=str(path)).message

    (kubelet / "file").touch()
    (kubelet / "link").symlink_to(stage)
    assert state(kubelet / "missing").state == ABSENT
    assert state(kubelet / "file" / "below").state == ABSENT
    assert state(kubelet / "file").state == FILE
    assert state(stage).state == DIRECTORY
    assert (state(kubelet / "link").state, state(kubelet / "link").link) == (LINK, str(stage))
    volumes.MountVolume(volume_id=volume.id, target_path=str(stage))
    found = state(stage)
    assert found.state == MOUNTED and found.mount.volume_id == volume.id and not found.mount.read_only
    assert found.mount.source == os.path.basename(volume.disk.partition())
    # EXT4_IOC_SHUTDOWN, linux/fs/ext4/ext4.h
    run("python3", "-c", f"import fcntl, os, struct; "
        f"fcntl.ioctl(os.open('{stage}', os.O_RDONLY), 0x8004587D, struct.pack('I', 1))")
    found = state(stage)
    assert found.state == DEAD and found.reason
    with refused(StatusCode.INTERNAL):
        volumes.GetTargetStats(target_path=str(stage))
    assert volumes.CleanupTarget(target_path=str(stage)).result.unmounted == 1
    assert state(stage).state == ABSENT


@newest
def test_what_holds_data_is_not_cleaned_up(volumes, kubelet, stage):
    (stage / "data").write_text("precious")
    for path in (stage, stage / "data"):
        for escalation in (0, 1):
            with refused(StatusCode.FAILED_PRECONDITION):
                volumes.CleanupTarget(target_path=str(path), escalation=escalation)
    assert (stage / "data").read_text() == "precious"


def state_of(process):
    """As proc_pid_stat(5) has it."""
    return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_a_frozen_volume_thaws_when_its_proxy_is_killed(start_proxy, formatted):
    proxy = start_proxy()
    volumes = proxy.service("volume", "v2")
    partition = formatted(by=proxy)
    stage = proxy.kubelet / "stage"
    stage.mkdir()
    volumes.MountVolume(volume_id=partition.id, target_path=str(stage))
    try:
        volumes.FreezeVolume(volume_id=partition.id, limit_ms=600_000)
        writer = os.fork()
        if writer == 0:
            (stage / "written").write_text("data")
            os._exit(0)
        eventually("the writer waits in the kernel", lambda: state_of(writer) == "D")
        proxy.process.kill()
        eventually("it thaws", lambda: os.waitpid(writer, os.WNOHANG)[0] == writer)
        assert (stage / "written").read_text() == "data"
    finally:
        run("umount", str(stage))


@newest
def test_a_frozen_volume_thaws_in_time(volumes, volume, stage):
    volumes.MountVolume(volume_id=volume.id, target_path=str(stage))
    began = time.monotonic()
    volumes.FreezeVolume(volume_id=volume.id, limit_ms=1000)
    (stage / "written").write_text("after the thaw")
    # The write has waited: without a freeze it would take no second.
    assert time.monotonic() - began >= 1
    assert not volumes.ThawVolume(volume_id=volume.id).was_frozen
    volumes.FreezeVolume(volume_id=volume.id, limit_ms=600_000)
    # They would wait in the kernel.
    with refused(StatusCode.FAILED_PRECONDITION, "frozen"):
        volumes.MountVolume(volume_id=volume.id, target_path=str(stage))
    with refused(StatusCode.FAILED_PRECONDITION, "frozen"):
        volumes.UnmountVolume(volume_id=volume.id, target_path=str(stage))
    assert volumes.ThawVolume(volume_id=volume.id).was_frozen
    (stage / "written").write_text("again")
    assert volumes.TrimVolume(volume_id=volume.id).trimmed_bytes > MIB
    volumes.UnmountVolume(volume_id=volume.id, target_path=str(stage))


@every_version("disk", "SetDiskReadOnly")
def test_a_disk_is_write_protected(disks, volumes, disk):
    disks.SetDiskReadOnly(disk_number=disk.number, read_only=True)
    assert run("blockdev", "--getro", disk.device) == "1"
    assert disks.GetDiskReadOnly(disk_number=disk.number).read_only
    with refused(StatusCode.FAILED_PRECONDITION, "read-only"):
        disks.PartitionDisk(disk_number=disk.number)
    disks.SetDiskReadOnly(disk_number=disk.number, read_only=False)
    with open(disk.device, "r+b"), refused(StatusCode.FAILED_PRECONDITION, f"process {os.getpid()}"):
        disks.SetDiskReadOnly(disk_number=disk.number, read_only=True)
    assert run("blockdev", "--getro", disk.device) == "0"


@every_version("filesystem", "WriteFile")
def test_small_files(files, kubelet):
    path = kubelet / "state"
    files.WriteFile(path=str(path), content=b"{}", mode=0o600)
    assert path.read_bytes() == b"{}" and path.stat().st_mode & 0o7777 == 0o600
    assert files.ReadFile(path=str(path)).content == b"{}"
    assert os.listdir(kubelet) == ["state"]
    with refused(StatusCode.INVALID_ARGUMENT, "0777"):
        files.WriteFile(path=str(path), content=b"", mode=0o4755)
    os.mkfifo(kubelet / "pipe")
    with refused(StatusCode.FAILED_PRECONDITION):
        files.ReadFile(path=str(kubelet / "pipe"))
    with refused(StatusCode.FAILED_PRECONDITION):
        files.WriteFile(path=str(kubelet / "pipe"), content=b"")
    # Names of which no room is left beside, and names like those that a write takes meanwhile.
    (kubelet / ".x.host-storage-new").write_text("kept")
    names = ["x", "a" * 255, "b" * 255]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        writes = [
            pool.submit(files.WriteFile, path=str(kubelet / name), content=name.encode()) for name in names * 8]
        for write in writes:
            write.result()
    assert [(kubelet / name).read_text() for name in names] == names
    assert (kubelet / ".x.host-storage-new").read_text() == "kept"
    files.EnsureDirectory(path=str(kubelet / "a" / "b"), mode=0o777)
    assert (kubelet / "a" / "b").stat().st_mode & 0o7777 == 0o777
    assert (kubelet / "a").stat().st_mode & 0o7777 == 0o755
