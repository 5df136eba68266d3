# SPDX-License-Identifier: Apache-2.0
"""S7: the secrets of a proxy do not leave its memory, also when it crashes or another process looks."""
import contextlib
import os
import pathlib
import resource
import signal
import subprocess
import sys

import grpc
import pytest
from smb.v1 import smb_pb2

from eventually import PATIENCE, eventually
from proxy import Proxy
from secret_hunt import places_of

WORD = "correct-horse-battery-staple"

ALICE = 21001
AS_ALICE = ["setpriv", "--reuid", str(ALICE), "--regid", str(ALICE), "--clear-groups"]
WITHOUT_PTRACE = ["setpriv", "--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace"]


@pytest.fixture
def holding(start_proxy, tmp_path, monkeypatch):
    """A proxy that has received a password, started where core files of any size may be written, and are seen."""
    monkeypatch.chdir(tmp_path)
    with core_files():
        proxy = start_proxy()
    send_password(proxy)
    return proxy


# Where this kernel writes the cores of processes that crash: relative to theirs, a directory, or a program's line.
CORE_PATTERN = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()


@pytest.fixture
def core_directory():
    """A kernel whose pattern names a directory that is not there writes no core. It is made for the test."""
    directory = pathlib.Path(CORE_PATTERN).parent
    made = []
    if directory.is_absolute():
        while not directory.exists():
            made.append(directory)
            directory = directory.parent
    for missing in reversed(made):
        missing.mkdir()
    yield
    if made:
        for core in made[0].iterdir():
            core.unlink()
    for missing in made:
        missing.rmdir()


@contextlib.contextmanager
def core_files():
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


def send_password(proxy):
    """To a share on a server that is nowhere."""
    call = proxy.channel("smb", "v1").unary_unary(
        "/v1.Smb/NewSmbGlobalMapping", lambda message: message.SerializeToString(), lambda x: x)
    with pytest.raises(grpc.RpcError):
        call(smb_pb2.NewSmbGlobalMappingRequest(
            remote_path=r"\\127.0.0.1\share", username="alice", password=WORD), timeout=PATIENCE)


def crash(process):
    """Has it crash; whether its core was dumped, to a file or to a program."""
    os.kill(process.pid, signal.SIGSEGV)
    _, status = eventually("it has ended", lambda: (ended := os.waitpid(process.pid, os.WNOHANG))[0] and ended)
    process.returncode = -signal.SIGSEGV
    assert os.WTERMSIG(status) == signal.SIGSEGV
    return os.WCOREDUMP(status)


def test_these_tests_see_cores(core_directory, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with core_files():
        other = subprocess.Popen(["sleep", "60"])
    assert crash(other)


def test_a_crash_leaves_no_core(core_directory, holding, tmp_path):
    assert not crash(holding.process)
    assert list(tmp_path.iterdir()) == []
    # Nor a backtrace, which would show the memory where the registers point.
    assert "rax" not in holding.log.read_text()


def test_a_crash_without_the_capability_leaves_no_core_either(core_directory, scratch, tmp_path, monkeypatch):
    """Then tools can do their work only if the process is dumpable; the limit holds."""
    monkeypatch.chdir(tmp_path)
    with core_files():
        proxy = Proxy(scratch / "no-ptrace-core", wrapper=WITHOUT_PTRACE)
    proxy.wait_until_ready()
    send_password(proxy)
    assert not crash(proxy.process)
    assert list(tmp_path.iterdir()) == []


# Becomes another user, and reads the memory of a process of that user, as a debugger would.
READER = """
import os, sys
pid, word, uid = sys.argv[1], sys.argv[2].encode(), int(sys.argv[3])
os.setgroups([])
os.setresgid(uid, uid, uid)
os.setresuid(uid, uid, uid)
try:
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        found = False
        for line in maps:
            start, end = (int(number, 16) for number in line.split()[0].split("-"))
            if " rw" in line and end - start < 1 << 28:
                memory.seek(start)
                try:
                    found = found or word in memory.read(end - start)
                except OSError:
                    pass
    print("found" if found else "not found")
except PermissionError:
    print("refused")
"""


def read_memory(process):
    return subprocess.run(
        [sys.executable, "-c", READER, str(process.pid), WORD, str(ALICE)], check=True, text=True,
        stdout=subprocess.PIPE, timeout=PATIENCE).stdout.strip()


def test_other_processes_of_its_user_do_not_read_its_memory(scratch):
    """A proxy for the filesystem group takes no privileges. Another program shows that memory can be read so."""
    environment = {**os.environ, "PASSWORD": WORD}
    echo = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
    with subprocess.Popen([*AS_ALICE, "cat"], env=environment, **echo) as other:
        # It echoes, so it is cat by now, and alice's.
        other.stdin.write(b"x")
        assert other.stdout.read(1) == b"x"
        found = read_memory(other)
    assert found == "found"
    directory = scratch / "alices"
    directory.mkdir()
    os.chmod(scratch, 0o755)
    os.chown(directory, ALICE, ALICE)
    with Proxy(directory, wrapper=AS_ALICE) as proxy:
        send_password(proxy)
        assert f"Uid:\t{ALICE}" in pathlib.Path(f"/proc/{proxy.process.pid}/status").read_text()
        assert read_memory(proxy.process) == "refused"


def test_neither_log_nor_state_nor_process_table_has_it(holding):
    assert places_of([WORD], [holding.directory]) == set()


@pytest.mark.parametrize("filesystem", ["ext4", "xfs", "btrfs"])
@pytest.mark.parametrize("wrapper", [[], WITHOUT_PTRACE], ids=["with", "without"])
def test_tools_find_their_device(start_proxy, formatted, filesystem, wrapper):
    """mkfs and the like are given it by a name in /proc of a process that may not be looked into."""
    proxy = start_proxy(filesystem=filesystem, wrapper=wrapper)
    volume = formatted(by=proxy)
    assert proxy.service("volume").IsVolumeFormatted(volume_id=volume.id).formatted


def test_what_it_starts_dumps_no_core_either(holding):
    limits = pathlib.Path(f"/proc/{holding.process.pid}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert line.split()[4:6] == ["1", "1"]
