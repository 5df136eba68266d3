# SPDX-License-Identifier: Apache-2.0
"""Formats volumes that hold something in two ways, and shows their remains. `run` starts it."""
import contextlib
import os
import pathlib
import struct
import subprocess
import sys

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "FaultyDisk"))

from faulty_disk import FaultyDisk  # noqa: E402
from loop_disk import MIB, run  # noqa: E402
from proxy import Proxy  # noqa: E402

SIZE = 400 * MIB
# Where the only partition begins.
START = MIB
SCRATCH = pathlib.Path(os.environ["WIRE_TESTS_SCRATCH"])
UUID = "01234567-89ab-4def-8123-456789abcdef"


class Input:
    """Something that a volume holds, and how its disk then fails to be read."""

    def __init__(self, name, put, unreadable=None, is_blank=False):
        self.name = name
        self.put = put
        self.unreadable = unreadable
        self.is_blank = is_blank


def nothing(disk):
    pass


def ext4(disk):
    run("mkfs.ext4", "-q", "-U", UUID, "-E", "hash_seed=" + UUID, disk.partition())


def xfs(disk):
    run("mkfs.xfs", "-q", "-m", f"uuid={UUID}", disk.partition())


def btrfs(disk):
    run("mkfs.btrfs", "-q", "-U", UUID, disk.partition())


def write(content, at):
    return lambda disk: disk.write(content, at, disk.partition())


def zeros(count):
    return write(bytes(count), 0)


def both(*steps):
    def put(disk):
        for step in steps:
            step(disk)

    return put


def luks2(at):
    """The binary header of a second copy (cryptsetup, docs/on-disk-format-luks2.pdf, 2.1)."""
    header = bytearray(4096)
    struct.pack_into(">6sHQ", header, 0, b"SKUL\xba\xbe", 2, 16384)
    header[168:204] = UUID.encode()
    struct.pack_into(">Q", header, 256, at)
    return write(bytes(header), at)


NOISE = bytes(index * 7 & 0xFF | 1 for index in range(4096))

INPUTS = [
    Input("blank", nothing, is_blank=True),
    Input("ext4 whose head cannot be read", ext4, (0, 2 * MIB)),
    Input("ext4 that cannot be read at all", ext4, (0, SIZE)),
    Input("xfs whose head cannot be read", xfs, (0, 2 * MIB)),
    Input("random bytes whose tail cannot be read", write(NOISE, 300 * 4096), (380 * MIB, SIZE)),
    Input("data only where it cannot be read", write(NOISE, 64 * MIB), (64 * MIB, 64 * MIB + 4096)),
    Input("xfs and swap: ambivalent", both(xfs, write(struct.pack("<II", 1, 1000), 1024), write(b"SWAPSPACE2", 4086))),
    Input("random bytes", write(NOISE, 0)),
    Input("random bytes, 1.2 MiB in", write(NOISE, 300 * 4096)),
    Input("ext4, superblock zeroed, copies left", both(ext4, write(bytes(1024), 1024))),
    Input("ext4, 4 MiB zeroed, copies left", both(ext4, zeros(4 * MIB))),
    Input("xfs, 4 MiB zeroed, copies left", both(xfs, zeros(4 * MIB))),
    Input("btrfs, superblock zeroed, mirror left", both(btrfs, write(bytes(4096), 65536))),
    Input("LUKS2, first header zeroed", luks2(0x4000)),
    Input("ext4", ext4),
]


@contextlib.contextmanager
def volume(proxy, name, input):
    """A disk with one partition that holds the input, its volume's ID, and what the disk looks like."""
    disk = FaultyDisk(SCRATCH / name, SIZE)
    try:
        proxy.service("disk").PartitionDisk(disk_number=disk.number)
        (id,) = proxy.service("volume").ListVolumesOnDisk(disk_number=disk.number).volume_ids
        input.put(disk)
        run("sync", disk.device)
        run("blockdev", "--flushbufs", disk.device)
        before = disk.fingerprint()
        if input.unreadable:
            first, last = input.unreadable
            disk.order(readErrors=[[START + first, START + last]])
        yield disk, id, before
    finally:
        disk.detach()


def naively(proxy, input):
    """The steps of a well-known driver on an empty answer. Returns the output and whether all is as before."""
    with volume(proxy, "naive", input) as (disk, _, before):
        probe = subprocess.run(
            ["blkid", "-p", "-s", "TYPE", "-s", "PTTYPE", "-o", "export", disk.partition()], capture_output=True,
            text=True)
        reported = [line for line in probe.stdout.splitlines() if "TYPE=" in line]
        if reported:
            return reported[0], True
        make = subprocess.run(["mkfs.xfs", "-f", "-q", disk.partition()], capture_output=True, text=True)
        disk.order()
        return f"blkid {probe.returncode}, mkfs {make.returncode}", disk.fingerprint() == before


def carefully(proxy, input):
    with volume(proxy, "careful", input) as (disk, id, before):
        try:
            proxy.service("volume").FormatVolume(volume_id=id)
            said = "formatted"
        except grpc.RpcError as error:
            # Without its subject.
            said = f"{error.code().name}: {error.details().partition(': ')[2]}"
        disk.order()
        return said, disk.fingerprint() == before


def main():
    failures = []
    destroyed = 0
    row = "{:<42} {:<28} {:<10} {:<10} {}"
    print(row.format("the volume holds", "blkid && mkfs.xfs -f", "its data", "its data", "FormatVolume"))
    with Proxy(SCRATCH / "proxy", filesystem="xfs") as proxy:
        for input in INPUTS:
            naive, naive_kept = naively(proxy, input)
            careful, careful_kept = carefully(proxy, input)
            words = {True: "kept", False: "none" if input.is_blank else "DESTROYED"}
            print(row.format(input.name, naive, words[naive_kept], words[careful_kept], careful), flush=True)
            if input.is_blank and careful != "formatted":
                failures.append(f"{input.name}: refused")
            if not input.is_blank and (careful == "formatted" or not careful_kept):
                failures.append(f"{input.name}: destroyed")
            destroyed += not input.is_blank and not naive_kept
    print(f"{destroyed} of {sum(not input.is_blank for input in INPUTS)} destroyed by blkid and mkfs.xfs -f")
    if destroyed == 0:
        failures.append("no input is destroyed by blkid and mkfs.xfs -f")
    for failure in failures:
        print(f"side by side: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
