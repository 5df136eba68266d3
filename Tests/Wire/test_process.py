# SPDX-License-Identifier: Apache-2.0
"""The proxy as a process: logs without a reader, signals, and limits of the system."""
import contextlib
import os
import pathlib
import resource
import signal
import subprocess
import threading
import time

import grpc
import pytest
from grpc import StatusCode

from eventually import PATIENCE
from proxy import SOCKETS, Proxy
from wire import Service, refused

STRANGER = 54321


def until(condition, seconds=PATIENCE, what="it does not come to pass"):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds} s {what}"
        time.sleep(0.02)


class Started:
    """A proxy with its standard error wherever a test wants it."""

    def __init__(self, directory, *options, stderr=None, prefix=(), stdin=subprocess.DEVNULL, **settings):
        self.directory = directory
        self.pipes = directory / "pipes"
        self.kubelet = directory / "kubelet"
        self.kubelet.mkdir(exist_ok=True)
        self.log = directory / "log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *prefix, os.environ["CSI_PROXY"], "serve", "--pipe-dir", self.pipes,
                 "--kubelet-path", self.kubelet, "--state-dir", directory / "state", "--unreleased",
                 *map(str, options)],
                stdin=stdin, stdout=log, stderr=log if stderr is None else stderr, start_new_session=True, **settings)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        # A thread that a hung device of another program holds in the kernel keeps even a killed process.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=20)

    def is_ready(self):
        assert self.process.poll() is None, f"it has ended with {self.process.returncode}: {self.log.read_text()}"
        return all((self.pipes / f"csi-proxy-{group}-{version}").exists() for group, version in SOCKETS)

    def wait_until_ready(self):
        until(self.is_ready, what="the sockets are not there")
        return self

    @contextlib.contextmanager
    def service(self, group, version="v1"):
        with grpc.insecure_channel(
            f"unix:{self.pipes}/csi-proxy-{group}-{version}", options=[("grpc.default_authority", "localhost")]
        ) as channel:
            yield Service(channel, group, version)

    def ends(self, ending=signal.SIGTERM, seconds=40):
        self.process.send_signal(ending)
        return self.process.wait(timeout=seconds)

    def fails(self, *texts):
        """It ends by itself, with 1 and a sentence."""
        assert self.process.wait(timeout=40) == 1
        log = self.log.read_text()
        for text in texts:
            assert text in log, log
        return log


@pytest.fixture
def start(directory):
    with contextlib.ExitStack() as at_end:
        yield lambda *options, **settings: at_end.enter_context(Started(directory, *options, **settings))


# MARK: logs


@pytest.fixture
def full_pipe():
    """A pipe without room and without a reader."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x")
    os.set_blocking(writing, True)
    yield reading, writing
    os.close(reading)
    with contextlib.suppress(OSError):
        os.close(writing)


def test_a_log_without_a_reader_stops_nothing(start, full_pipe):
    reading, writing = full_pipe
    proxy = start("--log-level", "debug", stderr=writing).wait_until_ready()
    with proxy.service("filesystem") as files:
        for number in range(600):
            with refused(StatusCode.PERMISSION_DENIED):
                files.Mkdir(path="/etc/" + "x" * 200 + str(number))
        files.Mkdir(path=proxy.kubelet / "made")
    assert proxy.ends() == 0
    assert not any(proxy.pipes.iterdir())


def test_what_a_log_had_no_room_for_is_counted_and_reported(start, full_pipe):
    reading, writing = full_pipe
    proxy = start("--metrics-bind-address", "127.0.0.1:0", stderr=writing).wait_until_ready()
    os.close(writing)
    with proxy.service("filesystem") as files:
        # Three mebibytes, of the audit log alone.
        for number in range(9000):
            with refused(StatusCode.PERMISSION_DENIED):
                files.PathExists(path="/etc/" + "x" * 250 + str(number))
    collected = bytearray()

    def read():
        with contextlib.suppress(OSError):
            while data := os.read(reading, 65536):
                collected.extend(data)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    until(lambda: b"were dropped" in collected, what="dropped lines are not reported")
    assert b"lines of the audit log were dropped" in collected
    lines = collected.decode().lstrip("x").splitlines()
    dropped = sum(int(line.rsplit("] ")[1].split()[0]) for line in lines if "of the audit log were dropped" in line)
    until(lambda: collected.count(b" refused") + dropped == 9000 or dropped > 0)
    assert proxy.ends() == 0
    reader.join(timeout=20)
    lines = collected.decode().lstrip("x").splitlines()
    kept = sum("csi-proxy.audit" in line and "] refused" in line for line in lines)
    assert kept > 0 and dropped > 0 and kept + dropped == 9000


@pytest.mark.parametrize("kind", ["closed", "no reader", "full disk", "read only"])
def test_a_log_that_cannot_be_written_stops_nothing(start, kind, directory):
    with contextlib.ExitStack() as at_end:
        if kind == "closed":
            proxy = start("--log-level", "debug", prefix=["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"])
        elif kind == "no reader":
            reading, writing = os.pipe()
            at_end.callback(os.close, writing)
            os.close(reading)
            proxy = start("--log-level", "debug", stderr=writing)
        else:
            file = at_end.enter_context(open("/dev/full", "w") if kind == "full disk" else open("/dev/null"))
            proxy = start("--log-level", "debug", stderr=file)
        proxy.wait_until_ready()
        with proxy.service("filesystem") as files:
            for number in range(50):
                files.Mkdir(path=proxy.kubelet / f"made-{number}")
            with refused(StatusCode.PERMISSION_DENIED):
                files.Mkdir(path="/etc/x")
        # No file of the proxy's own took the place of a closed one.
        links = {number: os.readlink(f"/proc/{proxy.process.pid}/fd/{number}") for number in range(3)}
        assert kind != "closed" or set(links.values()) == {"/dev/null"}, links
        assert proxy.ends() == 0


def test_no_name_of_a_caller_makes_a_line_of_its_own(start):
    proxy = start().wait_until_ready()
    with proxy.service("filesystem") as files:
        with pytest.raises(grpc.RpcError):
            files.Mkdir(path="/etc/a\n2026-01-01T00:00:00+0000 info csi-proxy: forged\x1b[2J")
        with contextlib.suppress(grpc.RpcError):
            files.Mkdir(path=f"{proxy.kubelet}/a\n2026-01-01T00:00:00+0000 info csi-proxy: forged\x1b[2J")
    proxy.ends()
    log = proxy.log.read_text()
    assert not any(line.startswith("2026-01-01") for line in log.splitlines()), log
    assert "\x1b" not in log


# MARK: signals


@pytest.mark.parametrize(
    "number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGALRM, signal.SIGPIPE, signal.SIGVTALRM,
               signal.SIGPROF, signal.SIGIO, signal.SIGPWR, signal.SIGXFSZ, signal.SIGWINCH, signal.SIGCHLD, signal.SIGURG,
               signal.SIGRTMIN, signal.SIGRTMIN + 5, signal.SIGRTMAX], ids=str)
def test_no_signal_but_those_that_are_meant_to_ends_it(start, number):
    proxy = start().wait_until_ready()
    proxy.process.send_signal(number)
    with proxy.service("filesystem") as files:
        assert files.PathExists(path=proxy.kubelet).exists
        proxy.process.send_signal(number)
        assert files.PathExists(path=proxy.kubelet).exists
    assert proxy.ends() == 0


def test_signals_that_come_while_it_starts_do_not_end_it(start):
    proxy = start()
    # Until the program itself is there, a signal is its starter's.
    until(lambda: "csi-proxy" in pathlib.Path(f"/proc/{proxy.process.pid}/comm").read_text()
          and int(next(line.split()[1] for line in pathlib.Path(f"/proc/{proxy.process.pid}/status").read_text().splitlines()
                       if line.startswith("SigCgt:")), 16) & (1 << (signal.SIGUSR1 - 1)))
    while not proxy.is_ready():
        for number in (signal.SIGUSR1, signal.SIGHUP, signal.SIGPIPE):
            proxy.process.send_signal(number)
        time.sleep(0.005)
    assert proxy.ends() == 0


def test_signals_that_its_starter_has_blocked_end_it_all_the_same(start):
    def block():
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})

    proxy = start(preexec_fn=block).wait_until_ready()
    assert proxy.ends() == 0


def test_programs_that_it_starts_have_their_signals_back(start, attach):
    proxy = start().wait_until_ready()
    disk = attach()
    seen = directory_of_signals = pathlib.Path(proxy.directory / "signals")
    with proxy.service("disk") as disks, proxy.service("volume") as volumes:
        disks.PartitionDisk(disk_number=disk.number)
        (id,) = volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids
        done = threading.Event()

        def look():
            while not done.is_set():
                with contextlib.suppress(OSError):
                    for child in pathlib.Path(f"/proc/{proxy.process.pid}/task").glob("*/children"):
                        for pid in child.read_text().split():
                            status = pathlib.Path(f"/proc/{pid}/status").read_text()
                            if "mkfs" in status or "mke2fs" in status:
                                blocked = next(line for line in status.splitlines() if line.startswith("SigBlk:"))
                                directory_of_signals.write_text(blocked.split()[1])

        looking = threading.Thread(target=look)
        looking.start()
        volumes.FormatVolume(volume_id=id)
        done.set()
        looking.join()
    # A program that was over before it was looked at has shown nothing, and hidden nothing.
    assert not seen.exists() or int(seen.read_text(), 16) & (1 << (signal.SIGTERM - 1)) == 0


def test_stopped_is_the_last_word(start):
    proxy = start().wait_until_ready()
    assert proxy.ends() == 0
    assert proxy.log.read_text().splitlines()[-1].endswith("stopped")


# MARK: limits of the system


def limited(**limits):
    """Sets limits in the child, before it is the program."""
    def set_limits():
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), value if isinstance(value, tuple) else (value, value))
    return set_limits


@pytest.mark.parametrize("files", [16, 64, 256, 500])
def test_too_few_descriptors_are_reported_at_the_start(start, files):
    start(preexec_fn=limited(NOFILE=files)).fails("files may be open")


def test_a_soft_limit_of_descriptors_is_raised(start):
    proxy = start(preexec_fn=limited(NOFILE=(64, 8192))).wait_until_ready()
    assert "8192" in next(
        line for line in pathlib.Path(f"/proc/{proxy.process.pid}/limits").read_text().splitlines()
        if line.startswith("Max open files"))
    assert proxy.ends() == 0


def test_connections_leave_descriptors_to_the_work(start):
    """As many connections as there can be, and calls go on; the next one is closed and not left waiting."""
    proxy = start(preexec_fn=limited(NOFILE=1024)).wait_until_ready()
    import socket as sockets
    with contextlib.ExitStack() as at_end:
        waiting = []
        for group, version in SOCKETS[1:]:
            for _ in range(40):
                one = at_end.enter_context(sockets.socket(sockets.AF_UNIX))
                one.connect(str(proxy.pipes / f"csi-proxy-{group}-{version}"))
                waiting.append(one)
        group, version = SOCKETS[0]
        with proxy.service(group, version) as first:
            first.ListDiskLocations(timeout=20)
        assert proxy.process.poll() is None
        used = len(list(pathlib.Path(f"/proc/{proxy.process.pid}/fd").iterdir()))
        assert used < 1024 - 256, used
    with proxy.service("filesystem") as files:
        assert files.PathExists(path=proxy.kubelet, timeout=20).exists
    assert proxy.ends() == 0


@pytest.mark.parametrize("mebibytes", [512, 1024, 2048])
def test_too_little_address_space_is_reported_at_the_start(start, mebibytes):
    start(preexec_fn=limited(AS=mebibytes << 20)).fails("address space")


def as_stranger(*more):
    """As a user of its own, whose threads are these alone; the limit is for users, not for root."""
    return ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", *more]


def processes_of_stranger():
    """Zombies count too."""
    for status in pathlib.Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            if f"\nUid:\t{STRANGER}\t" in status.read_text():
                yield status.parent.name


@pytest.fixture
def strangers(directory):
    until(lambda: not list(processes_of_stranger()), what="an earlier test has processes left")
    for path in (directory, directory.parent):
        path.chmod(0o755)
    (directory / "kubelet").mkdir()
    for name in ("pipes", "state", "kubelet"):
        (directory / name).mkdir(exist_ok=True)
        os.chown(directory / name, STRANGER, STRANGER)


@pytest.mark.parametrize("threads", [1, 2, 4, 8, 16, 24])
def test_too_few_threads_are_reported_at_the_start(start, strangers, threads):
    proxy = start(prefix=as_stranger("prlimit", f"--nproc={threads}"))
    assert proxy.process.wait(timeout=40) == 1
    assert "thread" in proxy.log.read_text()


def test_threads_that_are_taken_later_keep_nothing_from_ending_and_come_back(start, strangers):
    """Others of the same user take all that the proxy may have."""
    proxy = start(prefix=as_stranger("prlimit", "--nproc=100")).wait_until_ready()

    def take():
        return subprocess.Popen(as_stranger("sh", "-c", "for i in $(seq 110); do sleep 600 & done; echo; wait"),
                                stdout=subprocess.PIPE, start_new_session=True)

    def give_back(others):
        os.killpg(others.pid, signal.SIGKILL)
        others.wait()
        others.stdout.close()

    with proxy.service("filesystem") as files, contextlib.ExitStack() as at_end:
        assert files.PathExists(path=proxy.kubelet).exists
        time.sleep(6)  # Longer than pools keep threads that have nothing to do.
        others = take()
        others.stdout.readline()
        outcomes = set()
        try:
            for number in range(4):
                try:
                    files.Mkdir(path=proxy.kubelet / f"made-{number}", timeout=5)
                    outcomes.add("OK")
                except grpc.RpcError as error:
                    outcomes.add(error.code().name)
        finally:
            give_back(others)
        assert outcomes <= {"OK", "RESOURCE_EXHAUSTED"}, outcomes
        until(lambda: answers(files, proxy), what="it does not answer again")
        time.sleep(6)
        others = take()
        others.stdout.readline()
        at_end.callback(give_back, others)
        assert proxy.ends() in (0, 1)


def answers(files, proxy):
    with contextlib.suppress(grpc.RpcError):
        return files.PathExists(path=proxy.kubelet, timeout=5).exists


# MARK: traps at the start


def test_without_proc_it_fails_with_a_sentence(start):
    proxy = start(prefix=["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"])
    proxy.fails("/proc is not mounted")


@pytest.mark.parametrize("path", ["", ".", "state", "./state", "/", "//", "/.", "/..", "../x"])
def test_a_state_directory_is_an_absolute_path_of_its_own(start, path):
    before = set(os.listdir("/"))
    start("--state-dir", path).fails("state directory")
    assert set(os.listdir("/")) == before


@pytest.mark.parametrize("path", ["", ".", "pipes"])
def test_a_directory_of_sockets_is_an_absolute_path(start, path):
    before = set(os.listdir("/"))
    start("--pipe-dir", path).fails("absolute path")
    assert set(os.listdir("/")) == before


@pytest.mark.parametrize("kind", ["file", "link to nothing", "fifo", "beneath a file", "others can write it", "another's"])
def test_a_state_directory_that_can_be_none_fails_the_start(start, directory, kind):
    state = directory / "state"
    match kind:
        case "file": state.write_text("x")
        case "link to nothing": state.symlink_to(directory / "gone")
        case "fifo": os.mkfifo(state)
        case "beneath a file":
            (directory / "x").write_text("x")
            state = directory / "x" / "state"
        case "others can write it":
            state.mkdir()
            state.chmod(0o777)
        case _:
            state.mkdir()
            os.chown(state, STRANGER, STRANGER)
    start("--state-dir", state).fails()


@pytest.mark.parametrize("kind", ["link", "file", "others can write it", "another's"])
def test_so_does_what_is_in_it(start, directory, kind):
    state = directory / "state"
    state.mkdir(mode=0o755)
    own = state / "intents"
    if kind == "link":
        own.symlink_to(directory)
    elif kind == "file":
        os.mkfifo(own)
    else:
        own.mkdir()
        own.chmod(0o777) if kind.startswith("others") else os.chown(own, STRANGER, STRANGER)
    start().fails("state directory")


@pytest.mark.parametrize("below", ["state", "a/b/state"])
def test_a_state_directory_that_callers_can_reach_fails_the_start(start, directory, below):
    (directory / "kubelet").mkdir()
    start("--state-dir", directory / "kubelet" / below).fails("working directory")
    assert list((directory / "kubelet").iterdir()) == []


def test_without_sysfs_it_fails_with_a_sentence(start):
    proxy = start(prefix=["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys && exec "$@"', "sh"])
    proxy.fails("/sys is not mounted")


def test_arguments_that_are_no_text_fail_the_start(start, directory):
    proxy = start(prefix=["sh", "-c", r"""exec "$@" --working-dir "$(printf '/tmp/\377')" """, "sh"])
    proxy.fails("UTF-8")
    assert not list(directory.glob("pipes/*"))


def test_a_directory_of_sockets_that_is_too_long_is_not_made(start, directory):
    long = directory / ("x" * 60) / ("y" * 60)
    start("--pipe-dir", long).fails("too long")
    assert not long.parent.exists()


@pytest.fixture
def small_state(directory):
    """A state directory on a filesystem of its own."""
    state = directory / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=40,mode=700", "none", state], check=True)
    yield state
    subprocess.run(["umount", "--lazy", state], check=True)


@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_a_whole_volume_is_mounted_whatever_the_state_directory_is(start, small_state, attach, kind):
    proxy = start().wait_until_ready()
    disk = attach()
    target = proxy.kubelet / "target"
    target.mkdir()
    with proxy.service("disk") as disks, proxy.service("volume") as volumes:
        disks.PartitionDisk(disk_number=disk.number)
        (id,) = volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids
        volumes.FormatVolume(volume_id=id)
        spoil(small_state, kind)
        volumes.MountVolume(volume_id=id, target_path=target)
        assert os.path.ismount(target)
        volumes.UnmountVolume(volume_id=id, target_path=target)
        other = attach()
        spoil(small_state, kind)
        with pytest.raises(grpc.RpcError) as caught:
            disks.PartitionDisk(disk_number=other.number)
        assert caught.value.code() in (StatusCode.FAILED_PRECONDITION, StatusCode.RESOURCE_EXHAUSTED)
        assert "state directory" in caught.value.details()
    assert proxy.ends() == 0
    # It starts as well, logs that, and mounts.
    proxy = start().wait_until_ready()
    with proxy.service("volume") as volumes:
        volumes.MountVolume(volume_id=id, target_path=target)
        volumes.UnmountVolume(volume_id=id, target_path=target)
    assert proxy.ends() == 0
    assert "nothing can be noted down in the state directory" in proxy.log.read_text()


def spoil(state, kind):
    if kind == "read-only":
        subprocess.run(["mount", "-o", "remount,ro", state], check=True)
        return
    with contextlib.suppress(OSError), open(state / "filler", "wb", buffering=0) as filler:
        while filler.write(b"x" * 4096):
            pass
    number = 0
    with contextlib.suppress(OSError):
        while True:
            (state / f"filler-{number}").mkdir()
            number += 1


@pytest.mark.parametrize("kind", ["fifo", "huge", "link", "directory", "socket", "device"])
def test_what_lies_in_the_state_directory_is_not_waited_for(start, attach, directory, kind):
    proxy = start().wait_until_ready()
    disk = attach()
    target = proxy.kubelet / "target"
    target.mkdir()
    with proxy.service("disk") as disks, proxy.service("volume") as volumes:
        disks.PartitionDisk(disk_number=disk.number)
        (id,) = volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids
        guid = id.split("{")[1].split("}")[0]
        for name in (f"intents/format-{guid}", f"intents/format-{guid}.new", f"intents/partition-{disk.number}",
                     f"offline/{disk.number}", f"offline/{disk.number}.new"):
            plant(directory / "state" / name, kind)
        assert disks.GetDiskState(disk_number=disk.number, timeout=20).is_online
        if kind != "directory":
            volumes.FormatVolume(volume_id=id)
            volumes.MountVolume(volume_id=id, target_path=target, timeout=20)
            volumes.UnmountVolume(volume_id=id, target_path=target)
    assert proxy.ends() == 0
    for name in (f"intents/format-{guid}", f"intents/resize-{guid}", "offline/1"):
        plant(directory / "state" / name, kind)
    proxy = start().wait_until_ready()
    with proxy.service("disk") as disks:
        disks.ListDiskIDs(timeout=20)
    assert proxy.ends() == 0


def plant(path, kind):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() or path.is_symlink():
        return
    match kind:
        case "fifo": os.mkfifo(path)
        case "link": path.symlink_to("/etc/passwd")
        case "directory": path.mkdir()
        case "device": os.mknod(path, 0o600 | 0o020000, os.makedev(5, 0))
        case "socket":
            import socket as sockets
            here = os.getcwd()
            os.chdir(path.parent)
            with sockets.socket(sockets.AF_UNIX) as one:
                one.bind(path.name)
            os.chdir(here)
        case _:
            with open(path, "wb") as file:
                file.truncate(512 << 20)


def test_records_of_disks_that_never_come_back_are_given_up(start, directory):
    intents = directory / "state" / "intents"
    intents.mkdir(parents=True)
    (directory / "state").chmod(0o700)
    old, fresh = intents / "partition-7000001", intents / "partition-7000002"
    for file in (old, fresh):
        file.write_text(f"version=1\nwork=partition\ntarget={file.name[10:]}\ndisk={file.name[10:]}\nboot=x\n")
    os.utime(old, (time.time() - 40 * 86400,) * 2)
    (directory / "state" / "offline").mkdir()
    (directory / "state" / "offline" / "7000003").write_text("another boot")
    proxy = start().wait_until_ready()
    assert not old.exists() and fresh.exists()
    assert not (directory / "state" / "offline" / "7000003").exists()
    assert proxy.ends() == 0


def test_mounts_that_the_machine_does_not_see_are_reported_at_the_start_and_at_each(start, attach):
    """These tests themselves are in a mount namespace of their own, in which nothing is shared."""
    proxy = start().wait_until_ready()
    assert "will not be seen by the machine" in proxy.log.read_text()
    disk = attach()
    with proxy.service("disk") as disks, proxy.service("volume") as volumes:
        disks.PartitionDisk(disk_number=disk.number)
        (id,) = volumes.ListVolumesOnDisk(disk_number=disk.number).volume_ids
        volumes.FormatVolume(volume_id=id)
        for name in ("a", "b"):
            target = proxy.kubelet / name
            target.mkdir()
            volumes.MountVolume(volume_id=id, target_path=target)
        for name in ("a", "b"):
            volumes.UnmountVolume(volume_id=id, target_path=proxy.kubelet / name)
    assert proxy.ends() == 0
    warnings = [line for line in proxy.log.read_text().splitlines() if "where the machine does not see it" in line]
    assert len(warnings) == 2 and "kubelet/a" in warnings[0] and "kubelet/b" in warnings[1], proxy.log.read_text()


def test_a_directory_of_sockets_that_locks_the_group_out_is_reported(start, directory):
    (directory / "pipes").mkdir()
    os.chown(directory / "pipes", 0, 0)
    (directory / "pipes").chmod(0o750)
    proxy = start("--socket-group", STRANGER).wait_until_ready()
    assert proxy.ends() == 0
    assert f"members of group {STRANGER} cannot reach the sockets" in proxy.log.read_text()


def test_what_cannot_work_is_reported_at_the_start(start, directory, strangers):
    (directory / "kubelet").rmdir()
    policy = directory / "policy.yaml"
    policy.write_text("version: 1\nrules:\n  - name: outside\n    users: [0]\n    groups: all\n    roots: [/srv/elsewhere]\n")
    policy.chmod(0o644)
    proxy = start(prefix=as_stranger())
    (directory / "kubelet").rmdir()
    proxy.wait_until_ready()
    until(lambda: "may not mount" in proxy.log.read_text(), what="a missing capability is not reported")
    assert proxy.ends() == 0
    assert "a root is not there" in proxy.log.read_text()


def test_a_fault_in_a_policy_names_its_file(start, directory):
    policy = directory / "policy.yaml"
    policy.write_text("rules: [")
    start("--policy", policy).fails(str(policy))
    start("--policy", directory / "none.yaml").fails(str(directory / "none.yaml"))
