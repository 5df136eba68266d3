# SPDX-License-Identifier: Apache-2.0
"""How much a call asks of the disks: opens and reads, which on a network disk are round trips."""
import collections
import pathlib
import re
import signal
import subprocess

import pytest

from eventually import PATIENCE


class Opens:
    """Counts open(2) of device nodes by one process, as strace(1) sees them. O_PATH opens no device and does not count.

    Since Linux 6.14 fanotify(7) says nothing of device nodes.
    """

    def __init__(self, process, trace):
        self._trace = pathlib.Path(trace)
        self._tracer = subprocess.Popen(
            ["strace", "--follow-forks", "--trace=open,openat", "--output", str(trace), "--attach", str(process)],
            stderr=subprocess.PIPE, text=True)
        self._line = 0
        attached = self._tracer.stderr.readline()
        assert "attached" in attached, attached

    def take(self, nodes):
        """Opens of these since the last time."""
        lines = self._trace.read_text().splitlines()
        new, self._line = lines[self._line:], len(lines)
        opened = [re.search(r'"(/dev/[^"]+)", (\S+)\) = \d', line) for line in new]
        return collections.Counter(
            match[1] for match in opened if match and match[1] in nodes and "O_PATH" not in match[2])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._tracer.send_signal(signal.SIGINT)
        self._tracer.wait(timeout=PATIENCE)
        self._tracer.stderr.close()


def reads(disk):
    """Completed reads of a disk and its partitions (Documentation/block/stat.rst)."""
    return int(pathlib.Path(f"/sys/block/{disk.name}/stat").read_text().split()[0])


DEVICE_RULE = """
policy: 1
rules:
  - name: these tests
    callers: {uids: [0]}
    groups: [disk, volume, filesystem]
    devices:
      - page83: "loop-*"
"""


@pytest.fixture(params=["no rule", "a rule on devices"])
def observed(request, start_proxy, directory):
    if request.param == "no rule":
        return start_proxy()
    policy = directory / "policy.yaml"
    policy.write_text(DEVICE_RULE)
    return start_proxy("--policy", policy)


def test_a_mount_opens_its_disk_once_and_no_other(observed, formatted, attach, directory):
    volume, other = formatted(observed), attach()
    target = observed.kubelet / "target"
    target.mkdir()
    volumes = observed.service("volume")
    # The first look finds out where the volume is.
    volumes.MountVolume(volume_id=volume.id, target_path=target)
    volumes.UnmountVolume(volume_id=volume.id, target_path=target)

    disk, partition = volume.disk.device, volume.disk.partition()
    nodes = {disk, partition, other.device}
    with Opens(observed.process.pid, directory / "trace") as opens:
        before = reads(volume.disk)
        volumes.MountVolume(volume_id=volume.id, target_path=target)
        assert opens.take(nodes) == {disk: 1, partition: 1}
        volumes.UnmountVolume(volume_id=volume.id, target_path=target)
        opened = opens.take(nodes)
        # The claim that shows whether it is free.
        assert opened[partition] == 1
        # The kernel is asked for the names of a loop device, those of other disks are in sysfs. A rule on devices
        # compares them for the mount that the path leads to.
        assert opened[other.device] == 0 and opened[disk] <= 2
        # One for the table, five places at once for the signatures, one of which the kernel may split, and six of the
        # kernel's own mount.
        assert reads(volume.disk) - before <= 14
