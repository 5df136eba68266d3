# SPDX-License-Identifier: Apache-2.0
"""Real disks for tests: loop devices on sparse files, gone when they are detached.

They are attached without partition scanning, as a kernel without partition parsers would have them: the
program under test has added all partitions by itself.
"""
import errno
import hashlib
import json
import os
import pathlib
import subprocess

from eventually import eventually

MIB = 1 << 20
GIB = 1 << 30
BLOCK = 4096

BASIC_DATA = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
MICROSOFT_RESERVED = "E3C9E316-0B5C-4DB8-817D-F92DF00215AE"


class CommandFailed(Exception):
    pass


def run(*command, **options):
    """A command's output. If it fails, the test fails with its error."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise CommandFailed(f"{' '.join(command)}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


def next_data(file, start):
    """Where the next data of a sparse file begin; at its end where only a hole is left."""
    try:
        return os.lseek(file.fileno(), start, os.SEEK_DATA)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return os.fstat(file.fileno()).st_size


class LoopDisk:
    def __init__(self, file, size=GIB):
        self.file = pathlib.Path(file)
        self.file.touch()
        os.truncate(self.file, size)
        self.device = run("losetup", "--find", "--show", str(self.file))
        # A process that died may have left partitions of the device's last file, and its write protection.
        self._forget_partitions()
        run("blockdev", "--setrw", self.device)

    @property
    def name(self):
        return os.path.basename(self.device)

    @property
    def number(self):
        """The kernel's own number, not the one that the program under test reports."""
        return int(pathlib.Path(f"/sys/block/{self.name}/diskseq").read_text())

    @property
    def size(self):
        return int(run("blockdev", "--getsize64", self.device))

    def partition(self, number=1):
        return f"{self.device}p{number}"

    def grow(self, size):
        """Makes the file longer, without the kernel's knowledge."""
        os.truncate(self.file, size)

    def write(self, content, at, device=None):
        with open(device or self.device, "r+b", buffering=0) as disk:
            disk.seek(at)
            disk.write(content)
            os.fsync(disk)

    def write_table(self, kind, *partitions):
        """Writes a partition table, not the kernel's partitions. A partition is a line as sfdisk(8) takes it."""
        run("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", self.device,
            input="\n".join([f"label: {kind}", *partitions]))

    def table(self):
        """The partition table as it is on the disk, with all GUIDs, starts and sizes."""
        return json.loads(run("sfdisk", "--json", self.device))["partitiontable"]

    def fingerprint(self):
        """Of all that is on the disk. Reads no holes, which makes it a hundred times faster than cksum(1)."""
        run("sync", self.device)
        digest = hashlib.sha256()
        with self.file.open("rb") as file:
            end, start = os.fstat(file.fileno()).st_size, 0
            while (start := next_data(file, start)) < end:
                hole = os.lseek(file.fileno(), start, os.SEEK_HOLE)
                file.seek(start)
                for at in range(start, hole, BLOCK):
                    # Which zeros are holes is the filesystem's own business.
                    if (block := file.read(BLOCK)).strip(b"\0"):
                        digest.update(f"{at}:".encode() + block)
                start = hole
        return digest.hexdigest()

    def signature(self, number=None):
        """The type of the filesystem on a partition, or on the whole disk; empty where there is none."""
        device = self.device if number is None else self.partition(number)
        probe = subprocess.run(
            ["blkid", "--probe", "--output", "value", "--match-tag", "TYPE", device], capture_output=True, text=True)
        return probe.stdout.strip()

    def mounts(self):
        """Where this disk and its partitions are mounted, the innermost last."""
        lines = [line.split() for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
        return [to for source, to, *_ in lines if source == self.device or source.startswith(f"{self.device}p")]

    def detach(self):
        # Once only: the next time the device may belong to another program.
        if not self.file.exists():
            return
        for mount in reversed(self.mounts()):
            run("umount", mount)
        self._forget_partitions()
        run("losetup", "--detach", self.device)
        self.file.unlink()

    def _forget_partitions(self):
        """The kernel's partitions outlive their disk unless deleted, which fails while a process holds one open."""
        eventually(f"no partition of {self.device} is held open", self._has_no_partitions, pause=0.05)

    def _has_no_partitions(self):
        subprocess.run(["partx", "--delete", self.device], capture_output=True)
        return not list(pathlib.Path("/sys/block", self.name).glob(f"{self.name}p*"))
