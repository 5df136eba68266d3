# SPDX-License-Identifier: Apache-2.0
"""The smb group with a real server and the kernel's cifs. Runs in the virtual machine: see tools/test."""
import pathlib
import signal
import subprocess
import sys

import pytest
from grpc import StatusCode

from eventually import eventually
from proxy import Proxy
from samba import Samba
from sandbox import Sandbox
from secret_hunt import SecretHunt
from wire import VERSIONS, refused

sys.path.append(str(pathlib.Path(__file__).parents[2] / "Examples" / "windows-driver"))
import windows_driver  # noqa: E402

USER = "driver"
PASSWORD = "Tr0ub4dor,&3 \"quoted\""


@pytest.fixture
def samba(directory):
    servers = []

    def start(*settings):
        servers.append(Samba(directory / f"samba-{len(servers)}", USER, PASSWORD, *settings))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def shares(root):
    lines = pathlib.Path("/proc/self/mounts").read_text().splitlines()
    return [line.split()[1] for line in lines if line.split()[2] == "cifs" and line.split()[1].startswith(f"{root}/")]


@pytest.mark.parametrize("version", VERSIONS["smb"])
def test_a_share_is_mapped_and_unmapped_in_every_version(proxy, samba, version):
    server = samba()
    (server.share / "file").write_text("from the server")
    smb = proxy.service("smb", version)
    link = proxy.kubelet / f"link-{version}"
    smb.NewSmbGlobalMapping(remote_path=server.remote, local_path=str(link), username=USER, password=PASSWORD)
    assert (link / "file").read_text() == "from the server"
    (link / "back").write_text("from the host")
    assert (server.share / "back").read_text() == "from the host"
    assert len(shares(proxy.kubelet)) == 1
    smb.RemoveSmbGlobalMapping(remote_path=server.remote)
    assert shares(proxy.kubelet) == []
    with refused(StatusCode.NOT_FOUND):
        smb.RemoveSmbGlobalMapping(remote_path=server.remote)
    with refused(StatusCode.PERMISSION_DENIED):
        smb.NewSmbGlobalMapping(remote_path=server.remote, username=USER, password="wrong")
    link.unlink()


def test_the_windows_driver_stages_shares_of_a_real_server(samba, directory):
    server = samba()
    (server.share / "file").write_text("there")
    sandbox = Sandbox(directory / "sandbox", "--disks", 0)
    looked = []

    def look(staging_path, target_path):
        place = pathlib.Path(sandbox.drive + target_path.removeprefix("C:").replace("\\", "/"))
        assert (place / "file").read_text() == "there"
        looked.append(len(shares(sandbox.drive)))

    windows_driver.run_smb(windows_driver.CSIProxy(sandbox.sockets), server.remote, USER, PASSWORD, published=look)
    assert looked == [1] * 6
    assert shares(sandbox.drive) == []
    assert sandbox.stop() == 0


def test_a_proxy_that_is_killed_forgets_no_user_of_a_share(samba, directory):
    server = samba()
    (server.share / "file").write_text("there")
    with Proxy(directory / "proxy") as first:
        smb = first.service("smb")
        for name in ("one", "two"):
            smb.NewSmbGlobalMapping(
                remote_path=server.remote, local_path=str(first.kubelet / name), username=USER, password=PASSWORD)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
    with Proxy(directory / "proxy") as second:
        smb = second.service("smb")
        smb.RemoveSmbGlobalMapping(remote_path=server.remote)
        second.service("filesystem").Rmdir(path=str(second.kubelet / "one"), force=True)
        assert (second.kubelet / "two" / "file").read_text() == "there"
        smb.RemoveSmbGlobalMapping(remote_path=server.remote)
        assert shares(second.kubelet) == []


def test_only_encrypted_shares_are_mounted_unless_set_otherwise(start_proxy, samba):
    server = samba("server smb encrypt = off")
    private = start_proxy()
    with refused(StatusCode.PERMISSION_DENIED, "does not encrypt"):
        private.service("smb").NewSmbGlobalMapping(remote_path=server.remote, username=USER, password=PASSWORD)
    smb = start_proxy("--require-privacy=false").service("smb")
    smb.NewSmbGlobalMapping(remote_path=server.remote, username=USER, password=PASSWORD)
    smb.RemoveSmbGlobalMapping(remote_path=server.remote)


def test_a_password_is_found_nowhere(samba, directory):
    """S7: argv and environment of every process, the log at its most talkative, state files, mounts, errors."""
    server = samba()
    places = [directory / "proxy", pathlib.Path("/proc/self/mountinfo"), pathlib.Path("/run")]
    with SecretHunt([PASSWORD], places) as hunt:
        with Proxy(directory / "proxy", "--log-level", "trace") as proxy:
            smb = proxy.service("smb")
            fields = {"remote_path": server.remote, "local_path": str(proxy.kubelet / "link"), "username": USER}
            for _ in range(3):
                smb.NewSmbGlobalMapping(**fields, password=PASSWORD)
                smb.RemoveSmbGlobalMapping(remote_path=server.remote)
                (proxy.kubelet / "link").unlink()
            answers = []
            for password in (PASSWORD + "-wrong", PASSWORD + "\n"):
                code = StatusCode.INVALID_ARGUMENT if "\n" in password else StatusCode.PERMISSION_DENIED
                with refused(code) as error:
                    smb.NewSmbGlobalMapping(**fields, password=password)
                answers.append(str(error.value))
            server.stop()
            with refused(StatusCode.UNAVAILABLE) as error:
                smb.NewSmbGlobalMapping(**fields, password=PASSWORD)
            answers.append(str(error.value))
    assert hunt.found == set()
    assert min(hunt.rounds.values()) > 2
    assert not any(PASSWORD in answer for answer in answers)


def test_the_hunt_sees_what_there_is_to_see(directory):
    """Also while directories come and go, and in files that exist for a moment alone."""
    with SecretHunt([PASSWORD], [directory]) as hunt:
        rounds = hunt.rounds["files"]

        def has_gone_round():
            (directory / "passing").mkdir()
            (directory / "passing").rmdir()
            return hunt.rounds["files"] >= rounds + 50

        eventually("the hunt has gone round", has_gone_round, pause=0)
        (directory / "planted").write_text(f"password={PASSWORD}")
        echo = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(["cat"], env={"PLANTED": PASSWORD}, **echo) as one:
            with subprocess.Popen(["sh", "-c", "cat", PASSWORD], **echo) as other:
                for process in (one, other):
                    # It runs its own program, not a fork of this one.
                    process.stdin.write(b"x")
                    process.stdin.flush()
                    assert process.stdout.read(1) == b"x"
                rounds = dict(hunt.rounds)
                eventually(
                    "the hunt has looked at everything twice",
                    lambda: all(hunt.rounds[kind] >= rounds[kind] + 2 for kind in rounds))
                one.stdin.close()
                other.stdin.close()
        (directory / "planted").unlink()
    assert hunt.found >= {
        str(directory / "planted"), f"/proc/{one.pid}/environ", f"/proc/{other.pid}/cmdline"}
