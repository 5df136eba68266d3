# SPDX-License-Identifier: Apache-2.0
"""Samba's smbd on a loopback address, for the virtual machine: it adds users, and only that kernel mounts shares."""
import itertools
import pathlib
import socket
import subprocess

from eventually import PATIENCE, eventually

counter = itertools.count(1)


class Samba:
    """Serves `share`, which one user may use, until `stop`."""

    def __init__(self, directory, user, password, *settings):
        self.address = f"127.78.0.{next(counter)}"
        self.directory = pathlib.Path(directory)
        self.share = self.directory / "share"
        self.share.mkdir(parents=True)
        self.share.chmod(0o777)
        self.state = self.directory / "state"
        self.state.mkdir()
        self.configuration = self.directory / "smb.conf"
        own = ["lock directory", "state directory", "cache directory", "private dir", "pid directory", "ncalrpc dir"]
        self.configuration.write_text("\n".join([
            "[global]", "server role = standalone server", f"interfaces = {self.address}/32",
            "bind interfaces only = yes", "smb ports = 445", "disable spoolss = yes", "load printers = no",
            f"log file = {self.directory}/log", *(f"{name} = {self.state}" for name in own), *settings,
            "[share]", f"path = {self.share}", "read only = no", f"valid users = {user}", "force user = root", ""]))
        # Samba binds to addresses of interfaces alone.
        subprocess.run(["ip", "address", "add", f"{self.address}/32", "dev", "lo"], check=True)
        subprocess.run(["useradd", "--no-create-home", "--shell", "/usr/sbin/nologin", user], check=False)
        self.set_password(user, password)
        subprocess.run(["smbd", f"--configfile={self.configuration}", "--daemon"], check=True)
        self._wait()

    @property
    def remote(self):
        return rf"\\{self.address}\share"

    def set_password(self, user, password):
        subprocess.run(
            ["smbpasswd", "-c", self.configuration, "-s", "-a", user], input=f"{password}\n{password}\n", text=True,
            check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        """Ends it with all its connections."""
        process = (self.state / "smbd.pid").read_text().strip()
        subprocess.run(["pkill", "-KILL", "--pgroup", process], check=False)

    def _wait(self):
        eventually("smbd listens", self._listens)

    def _listens(self):
        try:
            socket.create_connection((self.address, 445), timeout=PATIENCE).close()
            return True
        except OSError:
            return False
