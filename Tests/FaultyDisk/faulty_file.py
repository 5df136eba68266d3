#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A filesystem of one file, `disk`, whose reads and writes fail or hang by order.

    faulty_file.py BACKING_FILE MOUNT_POINT

The bytes are those of the backing file. Orders come as lines of JSON on standard input; each sets all faults
from now on, and the rest works:

    {"readErrors": [[START, END], ...],     offsets in bytes, END not included
     "writeErrors": [[START, END], ...],
     "stalls": [[START, END], ...],         reads, writes and, whichever the range, syncs wait for another order
     "stallsAttributes": true}              requests for the file's size and times wait too

Every order is answered with a line: {"waiting": how many requests wait at this moment}. The program ends with its
input or with its parent, and then all that waits fails: the kernel ends the requests of a filesystem whose server is
gone.
"""
import contextlib
import errno
import glob
import json
import os
import signal
import stat
import sys
import threading
import time

# Set, so that fusepy does not run other programs to search for it.
os.environ["FUSE_LIBRARY_PATH"] = "libfuse.so.2"

# Debian's python3-fusepy.
import fusepy  # noqa: E402

NAME = "disk"


class Faults:
    """The current faults, and the number of requests that wait for a change."""

    def __init__(self):
        self.changed = threading.Condition()
        self.order = {}
        self.waiting = 0

    def replace(self, order):
        with self.changed:
            self.order = order
            self.changed.notify_all()

    def touches(self, kind, start, end):
        return any(start < last and first < end for first, last in self.order.get(kind, []))

    def wait_while(self, is_stalled):
        self.waiting += 1
        self.changed.wait_for(lambda: not is_stalled())
        self.waiting -= 1

    def meet(self, errors, start, end):
        """Waits through the stalls of a range, and then fails if it is one that fails."""
        with self.changed:
            self.wait_while(lambda: self.touches("stalls", start, end))
            if self.touches(errors, start, end):
                raise fusepy.FuseOSError(errno.EIO)

    def meet_sync(self):
        with self.changed:
            self.wait_while(lambda: self.order.get("stalls"))

    def meet_question(self):
        with self.changed:
            self.wait_while(lambda: self.order.get("stallsAttributes"))


class FaultyFile(fusepy.Operations):
    def __init__(self, backing, faults):
        self.backing = os.open(backing, os.O_RDWR)
        self.faults = faults

    def getattr(self, path, handle=None):
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2}
        if path != f"/{NAME}":
            raise fusepy.FuseOSError(errno.ENOENT)
        self.faults.meet_question()
        return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": os.fstat(self.backing).st_size}

    def readdir(self, path, handle):
        return [".", "..", NAME]

    def open(self, path, flags):
        return 0

    def read(self, path, size, offset, handle):
        self.faults.meet("readErrors", offset, offset + size)
        return os.pread(self.backing, size, offset)

    def write(self, path, data, offset, handle):
        self.faults.meet("writeErrors", offset, offset + len(data))
        return os.pwrite(self.backing, data, offset)

    def truncate(self, path, length, handle=None):
        os.ftruncate(self.backing, length)

    def fsync(self, path, data_only, handle):
        self.faults.meet_sync()
        return 0


def take_orders(faults):
    for line in sys.stdin:
        faults.replace(json.loads(line))
        with faults.changed:
            print(json.dumps({"waiting": faults.waiting}), flush=True)
    # At once, also while requests wait.
    os._exit(0)


def is_killed(process):
    """Whether a thread of it is about to die and cannot, because it sleeps in the kernel."""
    for status in glob.glob(f"/proc/{process}/task/*/status"):
        with contextlib.suppress(OSError), open(status) as file:
            pending = next(line.split()[1] for line in file if line.startswith("SigPnd:"))
            if int(pending, 16) & 1 << signal.SIGKILL - 1:
                return True
    return False


def end_with(parent):
    """A killed parent keeps its end of our input open for as long as a thread of it waits for us."""
    while os.getppid() == parent and not is_killed(parent):
        time.sleep(0.5)
    os._exit(0)


def main():
    backing, mount_point = sys.argv[1:]
    faults = Faults()
    threading.Thread(target=take_orders, args=(faults,), daemon=True).start()
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    # direct_io: the kernel keeps no copy of the file, every read comes here. No attribute is kept either.
    fusepy.FUSE(
        FaultyFile(backing, faults), mount_point, foreground=True, direct_io=True, big_writes=True, attr_timeout=0,
        fsname="faulty_file")


if __name__ == "__main__":
    main()
