# SPDX-License-Identifier: Apache-2.0
"""Access of callers: other users at the sockets, the policy file, its reload and `csi-proxy policy check`."""
import os
import pathlib
import signal
import subprocess
import sys

import pytest
from grpc import StatusCode

from eventually import PATIENCE, eventually
from proxy import SOCKETS, Proxy
from wire import refused

ALICE, CSI = 21001, 27000

# Becomes another user, connects, calls one method and prints the status. It loads its modules before, for they may lie
# where only root can read.
CALLER = """
import os, sys, grpc, grpc._channel
socket, method, request = sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3])
uid, gid, *groups = map(int, sys.argv[4:])
with grpc.insecure_channel("unix:" + socket, options=[("grpc.default_authority", "localhost")]) as channel:
    call = channel.unary_unary(method, request_serializer=lambda x: x, response_deserializer=lambda x: x)
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    try:
        call(request, timeout=120)
        print("OK")
    except grpc.RpcError as error:
        print(error.code().name)
"""


def call_as(proxy, group="disk", version="v1", method="ListDiskLocations", request=b"", *, uid, gid, groups=()):
    """The status of a call by a real process of that user and those groups."""
    return subprocess.run(
        [sys.executable, "-c", CALLER, str(proxy.socket(group, version)), f"/{version}.{group.capitalize()}/{method}",
         request.hex(), *map(str, [uid, gid, *groups])],
        check=True, timeout=PATIENCE, text=True, stdout=subprocess.PIPE).stdout.strip()


def open_to_all(proxy):
    """As a careless administrator would."""
    for directory in [proxy.pipes, *proxy.pipes.parents][:3]:
        os.chmod(directory, 0o755)
    for group, version in SOCKETS:
        os.chmod(proxy.socket(group, version), 0o666)


@pytest.fixture(scope="module", autouse=True)
def readable_scratch(scratch):
    os.chmod(scratch, 0o755)


def path_request(path):
    """PathExistsRequest and RmdirRequest alike: field 1."""
    text = str(path).encode()
    assert len(text) < 128
    return bytes([10, len(text)]) + text


def audit_lines(proxy):
    return [line for line in proxy.log.read_text().splitlines() if "csi-proxy.audit" in line]


# -- Another user -------------------------------------------------------------------------------------------------


def test_a_user_without_a_rule_cannot_use_a_socket_that_is_open_to_all(start_proxy):
    proxy = start_proxy()
    open_to_all(proxy)
    (proxy.kubelet / "kept").mkdir()
    remove = path_request(proxy.kubelet / "kept")
    assert call_as(proxy, "filesystem", "v1", "Rmdir", remove, uid=ALICE, gid=ALICE) == "PERMISSION_DENIED"
    assert (proxy.kubelet / "kept").is_dir()
    for group, version in SOCKETS:
        method = {"disk": "Rescan", "volume": "FormatVolume", "filesystem": "PathExists",
                  "smb": "NewSmbGlobalMapping", "system": "StartService", "iscsi": "ConnectTarget"}[group]
        assert call_as(proxy, group, version, method, uid=ALICE, gid=ALICE) == "PERMISSION_DENIED"
    assert call_as(proxy, uid=0, gid=0) == "OK"


def test_a_refusal_is_audited(start_proxy):
    proxy = start_proxy()
    open_to_all(proxy)
    request = path_request("/etc/x")
    call_as(proxy, "filesystem", "v1", "PathExists", request, uid=ALICE, gid=CSI)
    call_as(proxy, "filesystem", "v1", "PathExists", request, uid=0, gid=0)
    without_rule, outside = audit_lines(proxy)
    # The request of a caller without a rule is not read.
    for field in (f"uid={ALICE}", f"gid={CSI}", "pid=", "method=v1.Filesystem/PathExists", 'subject=""'):
        assert field in without_rule
    for field in ("uid=0", "method=v1.Filesystem/PathExists", 'subject="/etc/x"'):
        assert field in outside
    for line in (without_rule, outside):
        assert f"pid={proxy.process.pid} " not in line


def test_audit_lines_are_written_whatever_else_is_logged(start_proxy):
    proxy = start_proxy("--log-level", "critical")
    open_to_all(proxy)
    assert call_as(proxy, uid=ALICE, gid=ALICE) == "PERMISSION_DENIED"
    assert len(audit_lines(proxy)) == 1


def test_the_file_modes_keep_others_out_before_any_policy(start_proxy):
    proxy = start_proxy()
    assert call_as(proxy, uid=ALICE, gid=ALICE) == "UNAVAILABLE"
    assert audit_lines(proxy) == []


def test_members_of_the_socket_group_may_call(start_proxy):
    proxy = start_proxy("--socket-group", CSI)
    os.chmod(proxy.directory, 0o755)
    status = proxy.socket("disk", "v1").stat()
    assert (status.st_uid, status.st_gid) == (0, CSI)
    assert (proxy.pipes.stat().st_gid, proxy.pipes.stat().st_mode & 0o777) == (CSI, 0o750)
    assert call_as(proxy, uid=ALICE, gid=CSI) == "OK"
    # A supplementary group is a group, however many there are.
    assert call_as(proxy, uid=ALICE, gid=ALICE, groups=[5, CSI]) == "OK"
    assert call_as(proxy, uid=ALICE, gid=ALICE, groups=[*range(100, 400), CSI]) == "OK"
    open_to_all(proxy)
    assert call_as(proxy, uid=ALICE, gid=ALICE) == "PERMISSION_DENIED"
    assert call_as(proxy, uid=CSI, gid=0) == "PERMISSION_DENIED"


def test_the_owner_of_the_sockets_is_not_thereby_allowed(start_proxy):
    proxy = start_proxy("--socket-owner", ALICE)
    os.chmod(proxy.directory, 0o755)
    assert proxy.socket("disk", "v1").stat().st_uid == ALICE
    assert call_as(proxy, uid=ALICE, gid=ALICE) == "PERMISSION_DENIED"


@pytest.mark.parametrize("option", ["--socket-owner", "--socket-group"])
def test_an_owner_that_does_not_exist_fails_the_start(scratch, option):
    proxy = Proxy(scratch / f"nobody{option}", option, "no-such-name")
    assert proxy.process.wait(timeout=PATIENCE) == 1
    assert "no-such-name" in proxy.log.read_text()


# -- The policy file ----------------------------------------------------------------------------------------------


POLICY = """
policy: 1
rules:
  - name: administrator
    callers: {uids: [0]}
    groups: all
  - name: alice
    callers: {uids: [%d]}
    groups: [filesystem]
    versions: [v1]
    methods: [PathExists]
    roots: ["%s/alice"]
"""


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.yaml"

    def write(text):
        path.write_text(text)
        return path

    return write


def wait_for(proxy, text, count=1):
    eventually(f"{text!r} is logged", lambda: proxy.log.read_text().count(text) >= count, proxy.log.read_text)


def test_a_policy_narrows_what_a_user_may_call(start_proxy, scratch, policy):
    kubelet = scratch / "policy-kubelet"
    proxy = start_proxy("--policy", policy(POLICY % (ALICE, kubelet)), kubelet=kubelet)
    open_to_all(proxy)

    def exists(path, version="v1"):
        return call_as(proxy, "filesystem", version, "PathExists", path_request(path), uid=ALICE, gid=ALICE)

    assert exists(kubelet / "alice" / "x") == "OK"
    assert exists(kubelet / "alice-evil") == "PERMISSION_DENIED"
    assert exists(kubelet) == "PERMISSION_DENIED"
    assert exists(kubelet / "alice" / "x", "v2alpha1") == "PERMISSION_DENIED"
    assert call_as(proxy, uid=ALICE, gid=ALICE) == "PERMISSION_DENIED"
    assert call_as(proxy, "filesystem", "v1", "Mkdir", path_request(kubelet / "alice"), uid=ALICE, gid=ALICE) == \
        "PERMISSION_DENIED"
    assert call_as(proxy, uid=0, gid=0) == "OK"


@pytest.mark.parametrize("root", [r"C:\kubelet\Alice", r"c:\kubelet\Alice", "{drive}/kubelet/Alice"])
@pytest.mark.parametrize("options", [[], ["--ignore-case"]], ids=["case", "ignore-case"])
def test_a_rule_holds_in_the_windows_dialect(start_proxy, tmp_path, policy, root, options):
    drive = tmp_path / "drive"
    for name in ("Alice/made", "bob/made"):
        (drive / "kubelet" / name).mkdir(parents=True)
    for directory in [tmp_path, *tmp_path.parents][:3]:
        os.chmod(directory, 0o755)
    text = POLICY.replace('"%s/alice"', "'%s'") % (ALICE, root.format(drive=drive))
    proxy = start_proxy(
        "--dialect", "windows", "--drive", f"C={drive}", "--policy", policy(text), *options, kubelet=drive / "kubelet")
    open_to_all(proxy)

    def exists(path):
        return call_as(proxy, "filesystem", "v1", "PathExists", path_request(path), uid=ALICE, gid=ALICE)

    assert exists(r"C:\kubelet\Alice\made") == exists(r"c:\kubelet\Alice") == "OK"
    assert exists(r"C:\kubelet\ALICE\made") == ("OK" if options else "PERMISSION_DENIED")
    for other in (r"C:\kubelet\bob\made", r"C:\kubelet\BOB\made", r"C:\kubelet", r"C:\kubelet\Alice2"):
        assert exists(other) == "PERMISSION_DENIED"


def test_sighup_puts_a_changed_policy_in_force_and_a_broken_one_not(start_proxy, scratch, policy):
    kubelet = scratch / "reload-kubelet"
    proxy = start_proxy("--policy", policy(POLICY % (ALICE, kubelet)), kubelet=kubelet)
    files = proxy.service("filesystem")
    assert files.PathExists(path=kubelet).exists

    policy("policy: 1\nrules: []\n")
    assert files.PathExists(path=kubelet).exists
    proxy.process.send_signal(signal.SIGHUP)
    wait_for(proxy, "the policy is in force")
    # On a connection that is open.
    with refused(StatusCode.PERMISSION_DENIED):
        files.PathExists(path=kubelet)

    policy("policy: 1\nrules:\n  - name: oops\n")
    proxy.process.send_signal(signal.SIGHUP)
    wait_for(proxy, "the one in force stays: ")
    wait_for(proxy, "line 3: a rule needs callers")
    with refused(StatusCode.PERMISSION_DENIED):
        files.PathExists(path=kubelet)

    policy(POLICY % (ALICE, kubelet))
    proxy.process.send_signal(signal.SIGHUP)
    wait_for(proxy, "the policy is in force", 2)
    assert files.PathExists(path=kubelet).exists


def test_sighup_without_a_policy_changes_nothing(start_proxy):
    proxy = start_proxy()
    proxy.process.send_signal(signal.SIGHUP)
    wait_for(proxy, "no policy file to read")
    proxy.service("disk").ListDiskLocations()


def test_a_broken_policy_fails_the_start(scratch, policy):
    proxy = Proxy(scratch / "broken-policy", "--policy", policy("policy: 1\nrules: [\n"))
    assert proxy.process.wait(timeout=PATIENCE) == 1
    assert "line 3" in proxy.log.read_text()


# -- policy check -------------------------------------------------------------------------------------------------


def check(path, *options):
    return subprocess.run(
        [os.environ["CSI_PROXY"], "policy", "check", str(path), *map(str, options)],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)


def test_check_explains_the_example():
    example = pathlib.Path(__file__).resolve().parents[2] / "service" / "policy" / "example.yaml"
    os.chmod(example, 0o644)
    result = check(example)
    assert result.returncode == 0
    assert "User 0 may call every method of disk, filesystem and volume in v1 and v2alpha1" in result.stdout
    assert "All other callers may do nothing." in result.stdout


def test_check_names_every_fault_with_its_line(policy):
    path = policy("policy: 1\nrules:\n  - name: x\n    callers: {uids: [no-such-user]}\n    groups: [disc]\n")
    result = check(path)
    assert result.returncode == 1
    assert f'{path}:4: "no-such-user" is the name of no uid of this host\n' in result.stderr
    assert f'{path}:5: "disc" is no group' in result.stderr
    assert check("/nowhere").returncode == 1


def test_check_answers_one_question(policy):
    path = policy(POLICY % (ALICE, "/var/lib/kubelet"))
    method = ["--method", "v1.Filesystem/PathExists"]
    allowed = check(path, "--uid", ALICE, *method, "--subject", "/var/lib/kubelet/alice/x")
    assert (allowed.returncode, allowed.stdout) == (0, 'allowed by rule "alice"\n')
    outside = check(path, "--uid", ALICE, *method, "--subject", "/var/lib/kubelet/bob")
    assert (outside.returncode, outside.stdout) == (2, 'refused: outside of what rule "alice" allows\n')
    assert check(path, "--gid", ALICE, *method).returncode == 2
    for question in ([*method], ["--uid", ALICE], ["--uid", ALICE, "--method", "v1.Disk/Nothing"]):
        assert check(path, *question).returncode == 64
