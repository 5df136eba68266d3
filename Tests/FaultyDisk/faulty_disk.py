# SPDX-License-Identifier: Apache-2.0
"""A loop device on the file of faulty_file.py, for tests in Python."""
import json
import os
import pathlib
import subprocess

from eventually import PATIENCE, eventually
from loop_disk import GIB, LoopDisk, run

SERVER = pathlib.Path(__file__).with_name("faulty_file.py")


class FaultyDisk(LoopDisk):
    """Its `file` has the bytes as they are, with nothing in the way."""

    def __init__(self, file, size=GIB):
        self.file = pathlib.Path(file)
        self.file.touch()
        os.truncate(self.file, size)
        self.mount_point = self.file.with_name(f"{self.file.name}-faulty")
        self.mount_point.mkdir()
        # Debian's own Python has Debian's modules.
        self.server = subprocess.Popen(
            ["/usr/bin/python3", SERVER, self.file, self.mount_point], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.order()
        eventually("faulty_file.py serves its file", self._is_served)
        self.device = run("losetup", "--find", "--show", str(self.mount_point / "disk"))
        self._forget_partitions()
        run("blockdev", "--setrw", self.device)

    def _is_served(self):
        if self.server.poll() is not None:
            raise RuntimeError("faulty_file.py has ended; tools/setup --test")
        return os.path.ismount(self.mount_point)

    def order(self, **faults):
        """Sets all faults; see faulty_file.py."""
        self.server.stdin.write(json.dumps(faults) + "\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())

    def detach(self):
        if not self.file.exists():
            return
        self.order()
        super().detach()
        # With its input it ends.
        self.server.stdin.close()
        self.server.wait(timeout=PATIENCE)
        run("umount", "--lazy", str(self.mount_point))
        self.mount_point.rmdir()
