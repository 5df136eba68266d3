# SPDX-License-Identifier: Apache-2.0
"""The iscsi group with targets of the kernel and a real iscsid. Runs in the virtual machine: see tools/test."""
import concurrent.futures
import itertools
import pathlib
import signal

import grpc
import pytest
from grpc import StatusCode

from iscsi_target import PORTAL, Daemon, Target
from eventually import eventually
from proxy import Proxy
from secret_hunt import SecretHunt, places_of
from wire import VERSIONS, refused

CHAP = ("host", "secret-of-the-host")
MUTUAL = ("target", "secret-of-the-target")
WRONG = "secret-that-is-wrong"
RECORDS = [pathlib.Path("/etc/iscsi"), pathlib.Path("/var/lib/iscsi")]


@pytest.fixture
def daemon(directory):
    daemon = Daemon(directory / "iscsid.log")
    yield daemon
    daemon.stop()


def discovered(iscsi, target):
    iscsi.AddTargetPortal(target_portal=PORTAL)
    assert target.iqn in iscsi.DiscoverTargetPortal(target_portal=PORTAL).iqns
    return {"target_portal": PORTAL, "iqn": target.iqn}


@pytest.mark.parametrize("version", VERSIONS["iscsi"])
def test_a_targets_disks_are_used_in_every_version(proxy, daemon, directory, version):
    iscsi = proxy.service("iscsi", version)
    target = discovered(iscsi, Target(directory, disks=2))
    (portal,) = iscsi.ListTargetPortals().target_portals
    assert (portal.target_address, portal.target_port) == ("127.0.0.1", 3260)
    iscsi.ConnectTarget(**target)
    iscsi.ConnectTarget(**target)
    numbers = [int(number) for number in iscsi.GetTargetDisks(**target).diskIDs]
    assert len(set(numbers)) == 2
    disks, volumes = proxy.service("disk"), proxy.service("volume")
    identifiers = disks.ListDiskIDs().disk_ids
    assert len({identifiers[number].page83 for number in numbers}) == 2
    assert disks.GetDiskStats(disk_number=numbers[0]).total_bytes == 64 << 20
    disks.PartitionDisk(disk_number=numbers[0])
    (volume,) = volumes.ListVolumesOnDisk(disk_number=numbers[0]).volume_ids
    volumes.FormatVolume(volume_id=volume)
    stage = proxy.kubelet / f"stage-{version}"
    stage.mkdir()
    volumes.MountVolume(volume_id=volume, target_path=stage)
    with refused(StatusCode.FAILED_PRECONDITION, str(stage)):
        iscsi.DisconnectTarget(**target)
    (stage / "file").write_text("on the target")
    volumes.UnmountVolume(volume_id=volume, target_path=stage)
    iscsi.DisconnectTarget(**target)
    assert iscsi.GetTargetDisks(**target).diskIDs == []
    iscsi.ConnectTarget(**target)
    volumes.MountVolume(volume_id=volume, target_path=stage)
    assert (stage / "file").read_text() == "on the target"
    volumes.UnmountVolume(volume_id=volume, target_path=stage)
    iscsi.DisconnectTarget(**target)
    iscsi.RemoveTargetPortal(target_portal=PORTAL)
    assert iscsi.ListTargetPortals().target_portals == []


def test_secrets_are_found_nowhere(daemon, directory):
    """S7: argv and environment of every process, the log at its most talkative, state files, records, errors."""
    secrets = [CHAP[1], MUTUAL[1], WRONG]
    target = Target(directory, chap=CHAP, mutual=MUTUAL)
    answers = []
    with SecretHunt(secrets, [directory, pathlib.Path("/run"), *RECORDS]) as hunt:
        with Proxy(directory / "proxy", "--log-level", "trace") as proxy:
            iscsi = proxy.service("iscsi", "v1alpha2")
            target = discovered(iscsi, target)
            for mutual in (WRONG, MUTUAL[1]):
                iscsi.SetMutualChapSecret(MutualChapSecret=mutual)
                for kind, secret in itertools.product(("ONE_WAY_CHAP", "MUTUAL_CHAP"), (WRONG, CHAP[1])):
                    proof = {"auth_type": kind, "chap_username": CHAP[0], "chap_secret": secret}
                    if secret == WRONG or (kind == "MUTUAL_CHAP" and mutual == WRONG):
                        with refused(StatusCode.PERMISSION_DENIED) as error:
                            iscsi.ConnectTarget(**target, **proof)
                        answers.append(str(error.value))
                    else:
                        iscsi.ConnectTarget(**target, **proof)
                        assert len(iscsi.GetTargetDisks(**target).diskIDs) == 1
                        iscsi.DisconnectTarget(**target)
            with refused(StatusCode.INVALID_ARGUMENT) as error:
                iscsi.ConnectTarget(
                    **target, auth_type="ONE_WAY_CHAP", chap_username=CHAP[0], chap_secret=f"{CHAP[1]}\n")
            answers.append(str(error.value))
    assert hunt.found == set()
    assert min(hunt.rounds.values()) > 2
    assert len(answers) == 6
    assert not any(secret in answer for secret in secrets for answer in answers)


def test_a_proxy_that_is_killed_in_a_login_leaves_no_secret(daemon, directory):
    target = Target(directory, chap=CHAP)
    proof = {"auth_type": "ONE_WAY_CHAP", "chap_username": CHAP[0], "chap_secret": CHAP[1]}
    with Proxy(directory / "proxy") as first, concurrent.futures.ThreadPoolExecutor() as pool:
        iscsi = first.service("iscsi", "v1alpha2")
        target = discovered(iscsi, target)
        # Logins wait for it.
        daemon.process.send_signal(signal.SIGSTOP)
        login = pool.submit(lambda: iscsi.ConnectTarget(**target, **proof))
        # The secret's file stands in the record's place.
        def has_lent_the_record():
            assert not login.done()
            return any(record.is_symlink() for records in RECORDS for record in (records / "nodes").rglob("default"))

        eventually("the record is a link to the secret's file", has_lent_the_record)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        assert isinstance(login.exception(), grpc.RpcError)
    assert places_of([CHAP[1]], [directory, pathlib.Path("/run"), *RECORDS]) == set()
    daemon.process.send_signal(signal.SIGCONT)
    with Proxy(directory / "proxy") as second:
        assert not any((records / "host-storage-login").exists() for records in RECORDS)
        iscsi = second.service("iscsi", "v1alpha2")
        iscsi.ConnectTarget(**target, **proof)
        iscsi.DisconnectTarget(**target)
        # The record that the killed one had replaced is as it was, without a proof.
        with refused(StatusCode.PERMISSION_DENIED):
            iscsi.ConnectTarget(**target)
    assert places_of([CHAP[1]], [directory, pathlib.Path("/run"), *RECORDS]) == set()
