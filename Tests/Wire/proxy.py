# SPDX-License-Identifier: Apache-2.0
"""A running `csi-proxy serve` and clients of its sockets."""
import os
import pathlib
import signal
import socket
import subprocess

import grpc

from eventually import PATIENCE, NeverHappened, eventually
from wire import VERSIONS, Service

SOCKETS = [(group, version) for group, versions in VERSIONS.items() for version in versions]


class Proxy:
    """Serves on sockets of its own until `stop`. Ends with the tests, however they end."""

    def __init__(self, directory, *options, filesystem="ext4", kubelet=None, wrapper=(), unreleased=True):
        """`wrapper` is a program and its options that starts the proxy in its place, such as setpriv."""
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.pipes = self.directory / "pipes"
        self.kubelet = pathlib.Path(kubelet or self.directory / "kubelet")
        self.kubelet.mkdir(exist_ok=True)
        self.log = self.directory / "log"
        self._channels = {}
        self._versions = [(group, version) for group, version in SOCKETS if unreleased or version != "v2"]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *wrapper, os.environ["CSI_PROXY"], "serve",
                 "--pipe-dir", str(self.pipes), "--kubelet-path", str(self.kubelet), "--filesystem", filesystem,
                 "--state-dir", str(self.directory / "state"), "--log-level", "debug",
                 *(["--unreleased"] if unreleased else []), *map(str, options)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                # Ctrl-C is for the tests alone, which then end the proxy.
                start_new_session=True)

    def __enter__(self):
        self.wait_until_ready()
        return self

    def __exit__(self, *_):
        self.stop()

    def wait_until_ready(self):
        try:
            eventually("csi-proxy is ready", self._is_ready, self.log.read_text)
        except NeverHappened:
            self.stop()
            raise

    def _is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"csi-proxy ended with {self.process.returncode}:\n{self.log.read_text()}")
        return all(accepts(self.socket(group, version)) for group, version in self._versions)

    def stop(self):
        """Asks it to end, and returns its exit status."""
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def socket(self, group, version):
        return self.pipes / f"csi-proxy-{group}-{version}"

    def channel(self, group, version, authority="localhost"):
        """A connection to a socket, kept for the next caller."""
        key = group, version, authority
        if key not in self._channels:
            self._channels[key] = grpc.insecure_channel(
                f"unix:{self.socket(group, version)}", options=[("grpc.default_authority", authority)])
        return self._channels[key]

    def service(self, group, version="v1"):
        return Service(self.channel(group, version), group, version)


def accepts(path):
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(path))
            return True
        except OSError:
            return False
