# SPDX-License-Identifier: Apache-2.0
"""Measures operations against the same work by system calls, by the host's programs and by a plain server.

Contenders take turns, round by round, in one run; a figure is the median of the rounds' medians. `run` starts it, in a mount namespace of its own and as root."""
import argparse
import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import plot

SWIFT, RAW, LOAD, PEER, PROXY = (os.environ[name] for name in ("SWIFT", "RAW", "LOAD", "PEER", "CSI_PROXY"))
MANY = 1000
MOUNTS = 10000
PATIENCE = 120


class Contender:
    """A program that does a piece of work a given number of times."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines = []
        while (line := self._line()) != "ready":
            self.lines.append(line)

    def _line(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} has ended with {self.process.wait()}: {self.lines}")
        return line.strip()

    def times(self, count):
        """The median of so many times, in microseconds."""
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        line = self._line()
        try:
            return float(line)
        except ValueError:
            raise SystemExit(line) from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


class Proxy:
    """A proxy of its own, and how long it took until all its sockets took connections."""

    def __init__(self, scratch, name):
        self.sockets = scratch / f"{name}-sockets"
        began = time.monotonic()
        self.process = subprocess.Popen(
            [PROXY, "serve", "--pipe-dir", self.sockets, "--state-dir", scratch / f"{name}-state", "--kubelet-path",
             scratch / "kubelet", "--log-level", "error"], stdout=subprocess.DEVNULL)
        while not all(self._is_live(name) for name in SOCKETS):
            if time.monotonic() - began > PATIENCE or self.process.poll() is not None:
                raise SystemExit("the proxy does not start")
            time.sleep(0.0005)
        self.milliseconds = (time.monotonic() - began) * 1e3

    def _is_live(self, name):
        with socket.socket(socket.AF_UNIX) as one:
            try:
                one.connect(str(self.sockets / name))
                return True
            except OSError:
                return False

    def resident_megabytes(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024 / 1e6

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE)


VERSIONS = {
    "disk": "v1 v1beta3 v1beta2 v1beta1 v1alpha1", "volume": "v2alpha1 v1 v1beta3 v1beta2 v1beta1 v1alpha1",
    "filesystem": "v2alpha1 v1 v1beta2 v1beta1 v1alpha1", "smb": "v1 v1beta2 v1beta1 v1alpha1", "system": "v1alpha1",
    "iscsi": "v1alpha2 v1alpha1",
}
SOCKETS = [f"csi-proxy-{group}-{version}" for group, versions in VERSIONS.items() for version in versions.split()]


def number_of(device):
    return pathlib.Path(f"/sys/block/{pathlib.Path(device).name}/diskseq").read_text().strip()


class Table:
    def __init__(self):
        self.rows = []

    def add(self, work, ours, other, theirs, goal, unit="µs"):
        """`goal` is the greatest ratio to reach; None where there is none."""
        ratio = ours / theirs if theirs else None
        self.rows.append({"work": work, "ours": ours, "other": other, "theirs": theirs, "ratio": ratio, "goal": goal,
                          "unit": unit})
        against = f"{ratio:8.2f}× {other} ({show(theirs, unit)})" if theirs else ""
        print(f"{work:58} {show(ours, unit):>11} {against}", flush=True)


def show(value, unit):
    if unit == "µs" and value >= 1000:
        return f"{value / 1000:.2f} ms"
    return f"{value:.1f} {unit}"


def alternate(rounds, contenders):
    """The medians of contenders, which take turns: {name: (contender, times in a round)}."""
    for contender, count in contenders.values():
        contender.times(max(1, count // 4))
    found = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (contender, count) in contenders.items():
            found[name].append(contender.times(count))
    return {name: statistics.median(values) for name, values in found.items()}


@contextlib.contextmanager
def turn():
    """Tests on real disks take turns by this file, too."""
    with open(pathlib.Path(tempfile.gettempdir()) / "host-storage-real-disks.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Measurement:
    def __init__(self, rounds, scratch):
        self.rounds = rounds
        self.scratch = scratch
        self.kubelet = scratch / "kubelet"
        self.kubelet.mkdir()
        self.table = Table()
        self.began = time.monotonic()
        self.states = 0

    def linked(self, *work):
        self.states += 1
        return Contender(SWIFT, "linked", self.kubelet, self.scratch / f"state{self.states}", *work)

    def disks(self, name, count, mib):
        # In memory: not the machine's disk is measured. It is gone with the namespace.
        directory = self.scratch / name
        directory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", directory], check=True)
        return Contender(RAW, "attach", directory, count, mib)

    def format(self, device):
        with self.linked("format", self.kubelet, number_of(device)) as one:
            one.times(1)

    def start_and_memory(self):
        found = []
        for number in range(self.rounds):
            with Proxy(self.scratch, f"idle{number}") as proxy:
                time.sleep(0.3)
                found.append((proxy.milliseconds, proxy.resident_megabytes()))
        start, memory = (statistics.median(values) for values in zip(*found))
        self.table.add("start until all sockets are open", start, "", None, None, "ms")
        self.table.add("memory when idle (resident)", memory, "", None, None, "MB")

    def round_trip(self, proxy):
        path = self.scratch / "pong"
        with subprocess.Popen([RAW, "pong", path, "70"]) as pong:
            while not path.exists():
                time.sleep(0.01)
            with Contender(RAW, "ping", path, "70") as ping, \
                    Contender(SWIFT, "proxied", proxy.sockets, "exists", self.kubelet) as ours:
                found = alternate(self.rounds, {"ping": (ping, 20000), "ours": (ours, 2000)})
            pong.wait(PATIENCE)
        self.table.add("pathExists: our client and server", found["ours"], "C ping-pong", found["ping"], 5)

    def mounts(self, device, proxy):
        number, partition = number_of(device), f"{device}p1"
        plain = self.scratch / "plain"
        for directory in plain, self.kubelet / "v", self.kubelet / "linked", self.kubelet / "proxied":
            directory.mkdir()
        with self.linked("mount", self.kubelet / "v", number) as linked, \
                Contender(RAW, "mount", partition, plain) as raw, \
                Contender(RAW, "synced-mount", partition, plain) as synced, \
                Contender(RAW, "tools-mount", partition, plain) as tools, \
                Contender(RAW, "tools-stage", partition, plain) as stage:
            found = alternate(self.rounds, {
                "ours": (linked, 40), "raw": (raw, 40), "synced": (synced, 40), "tools": (tools, 20), "stage": (stage, 10)})
        work = "mount and unmount a volume by its ID, linked"
        self.table.add(work, found["ours"], "mount(2), syncfs(2), umount(2)", found["synced"], 1.5)
        self.table.add(work, found["ours"], "mount(2), umount(2)", found["raw"], None)
        self.table.add(work, found["ours"], "mount(8), umount(8)", found["tools"], 1 / 3)
        self.table.add(work, found["ours"], "blkid, fsck, mount(8), umount(8)", found["stage"], None)

        with self.linked("cycle", self.kubelet / "linked", number) as linked, \
                Contender(SWIFT, "proxied", proxy.sockets, "cycle", self.kubelet / "proxied", number) as proxied, \
                Contender(RAW, "cycle", partition, self.scratch) as raw:
            found = alternate(self.rounds, {"linked": (linked, 30), "proxied": (proxied, 30), "raw": (raw, 30)})
        self.table.add("cycle of seven calls, linked", found["linked"], "system calls", found["raw"], None)
        self.table.add("cycle of seven calls, proxied", found["proxied"], "linked", found["linked"],
                       (found["linked"] + 700) / found["linked"])
        self.table.add("what the proxy adds to the cycle", found["proxied"] - found["linked"], "", None, None)

    def questions(self, device):
        number = number_of(device)
        target = self.kubelet / "held"
        target.mkdir()
        with self.linked("stats", target, number) as stats, Contender(RAW, "statfs", target) as statfs, \
                self.linked("is-mount", target) as linked, Contender(RAW, "statx", target) as statx:
            found = alternate(self.rounds, {"ours": (linked, 2000), "raw": (statx, 2000)})
            self.table.add("is it a mount point, linked", found["ours"], "statx(2)", found["raw"], 5 / found["raw"])
            few = alternate(self.rounds, {"ours": (stats, 200), "raw": (statfs, 2000)})
            self.table.add("statistics of a volume, linked", few["ours"], "statfs(2)", few["raw"], None)
            many = self.scratch / "many"
            many.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", many], check=True)
            subprocess.run([RAW, "binds", many, str(MOUNTS)], check=True)
            found = alternate(self.rounds, {"ours": (stats, 50), "raw": (statfs, 2000)})
            self.table.add(f"statistics of a volume, {MOUNTS} mounts", found["ours"], "with few mounts", few["ours"],
                           300 / few["ours"])
            subprocess.run(["umount", "--lazy", many], check=True)
            # The kernel takes the mounts apart behind the back of what comes next.
            time.sleep(1)
            with self.linked("volume-of", target) as volume:
                few = alternate(self.rounds, {"ours": (volume, 100)})["ours"]
        subprocess.run(["umount", target], check=True)
        self.table.add("volume of a mount, linked", few, "", None, None)
        return few

    def many_disks(self, device, volume_with_few):
        target = self.kubelet / "held-among-many"
        target.mkdir()
        with turn(), self.disks("many-disks", MANY, 64), self.disks("blank", self.rounds + 2, 1024) as blank:
            with self.linked("hold", target, number_of(device)), self.linked("volume-of", target) as volume:
                found = alternate(self.rounds, {"ours": (volume, 50)})["ours"]
                self.table.add(f"volume of a mount, {MANY} disks", found, "with few disks", volume_with_few,
                               300 / volume_with_few)
            subprocess.run(["umount", target], check=True)
            self.list_disks()
            self.format_among_many(blank.lines)

    def list_disks(self):
        peer_socket = self.scratch / "peer"
        first = []
        with subprocess.Popen([PEER, peer_socket]) as peer:
            for number in range(3):
                with Proxy(self.scratch, f"list{number}") as proxy, \
                        Contender(SWIFT, "proxied", proxy.sockets, "list-disks", "/") as ours:
                    first.append(ours.times(1))
            with Proxy(self.scratch, "list") as proxy:
                text = subprocess.run(
                    [LOAD, "-method", "/v1.Disk/ListDiskIDs", "-path", "", "-rounds", str(self.rounds), "-secs", "0.5",
                     f"ours={proxy.sockets}/csi-proxy-disk-v1:{proxy.process.pid}", f"go={peer_socket}:{peer.pid}"],
                    check=True, stdout=subprocess.PIPE, text=True).stdout
            peer.terminate()
        ours, theirs = (float(re.search(rf"{name} .*p50 µs +([0-9.]+)", text)[1]) for name in ("ours", "go"))
        server = "a Go server that reads sysfs"
        self.table.add(f"ListDiskIDs, {MANY} disks, first", statistics.median(first), server, theirs, 1)
        self.table.add(f"ListDiskIDs, {MANY} disks, unchanged", ours, server, theirs, 3000 / theirs)

    def format_among_many(self, devices):
        *ours, bare, _ = devices
        numbers = [number_of(device) for device in ours]
        times = {"ours": [], "tools": []}
        with self.linked("format", self.kubelet, *numbers) as linked, Contender(RAW, "tools-format", bare) as tools:
            for _ in ours:
                times["ours"].append(linked.times(1))
                times["tools"].append(tools.times(1))
        found = {name: statistics.median(values) for name, values in times.items()}
        self.table.add(f"format, {MANY} other disks", found["ours"], "mkfs.ext4(8)", found["tools"],
                       (found["tools"] + 40000) / found["tools"])
        self.table.add("what it takes beside mkfs", found["ours"] - found["tools"], "", None, None)

    def run(self):
        self.start_and_memory()
        with self.disks("disk", 1, 256) as disk:
            device = disk.lines[0]
            self.format(device)
            with Proxy(self.scratch, "proxy") as proxy:
                self.round_trip(proxy)
                self.mounts(device, proxy)
            volume = self.questions(device)
            self.many_disks(device, volume)


def main():
    arguments = argparse.ArgumentParser(prog="run", description=__doc__.partition("\n")[0])
    arguments.add_argument("rounds", nargs="?", type=int, default=5, help="of each contender (5)")
    arguments.add_argument("plots", nargs="?", type=pathlib.Path, help="a directory for the plot and its figures")
    chosen = arguments.parse_args()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="operations-"))
    measurement = Measurement(chosen.rounds, scratch)
    try:
        measurement.run()
    finally:
        for mount in sorted((path for path in scratch.iterdir() if path.is_mount()), reverse=True):
            subprocess.run(["umount", "--lazy", mount], check=True)
        shutil.rmtree(scratch)
    if chosen.plots:
        rows = measurement.table.rows
        chosen.plots.mkdir(parents=True, exist_ok=True)
        (chosen.plots / "operations.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
        (chosen.plots / "operations.svg").write_text(plot.draw(rows))
        print()
        plot.table(rows)


if __name__ == "__main__":
    sys.exit(main())
