# SPDX-License-Identifier: Apache-2.0
"""A running `csi-proxy sandbox`."""
import os
import pathlib
import re
import signal
import subprocess

from eventually import PATIENCE


class Sandbox:
    """Runs until `stop` or `kill`. Ends with the tests, however they end."""

    def __init__(self, directory, *options, user=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = self.directory / "log"
        command = ["setpriv", "--pdeathsig", "KILL"]
        if user is not None:
            self.directory.chmod(0o777)
            # The directory of all tests is root's alone otherwise.
            self.directory.parent.chmod(0o711)
            command += ["--reuid", str(user), "--regid", str(user), "--clear-groups"]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*command, os.environ["CSI_PROXY"], "sandbox", "--directory", str(self.directory), *map(str, options)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
        # Its output until it is ready; all of it where it ends before.
        self.said = []
        for line in self.process.stdout:
            if line.strip() == "ready":
                break
            self.said.append(line.strip())

    @property
    def sockets(self):
        return pathlib.Path(self._said("sockets (.*)"))

    @property
    def drive(self):
        """The directory that C: is, or "in memory"."""
        return self._said("C: (.*)")

    @property
    def disk_files(self):
        """By LUN."""
        found = [re.fullmatch(r"disk \d+ lun (\d+) page83 .* (\S+)", line) for line in self.said]
        return {int(match[1]): match[2] for match in found if match}

    @property
    def own(self):
        """The directories of the sandboxes that there are."""
        return sorted(self.directory.glob("csi-proxy-sandbox-*/sandbox-*"))

    def _said(self, pattern):
        found = [match[1] for line in self.said if (match := re.fullmatch(pattern, line))]
        assert found, f"no line is {pattern!r}: {self.said}\n{self.log.read_text()}"
        return found[0]

    def stop(self, signal_number=signal.SIGTERM):
        self.process.send_signal(signal_number)
        return self.process.wait(timeout=PATIENCE)

    def kill(self):
        self.process.kill()
        self.process.wait()
