# SPDX-License-Identifier: Apache-2.0
"""Looks for secrets where other processes can read."""
import os
import pathlib
import threading


def places_of(secrets, places):
    """The files that hold a secret: in `places`, directories with all below them, and the command line and
    environment of every process."""
    return _in_files(secrets, places) | _in_processes(secrets)


class SecretHunt:
    """Looks round and round while its block runs, and once more at its end; then `found` are the places."""

    def __init__(self, secrets, places):
        self.found = set()
        self.rounds = {"processes": 0, "files": 0}
        self._over = threading.Event()
        self._failure = None
        # Apart, as a program can be gone before all files are read.
        self._threads = [
            threading.Thread(target=self._look, args=("processes", lambda: _in_processes(secrets))),
            threading.Thread(target=self._look, args=("files", lambda: _in_files(secrets, places)))]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self._failure:
            raise self._failure

    def _look(self, kind, places):
        try:
            while True:
                last = self._over.is_set()
                self.found |= places()
                self.rounds[kind] += 1
                if last:
                    return
        except Exception as error:  # A hunt that has ended early has found nothing out.
            self._failure = error


def _in_files(secrets, places):
    return {str(file) for place in places for file in _files(place) if _holds(file, secrets)}


def _files(place):
    if not place.is_dir():
        yield place
    # Passes over directories that go meanwhile, which pathlib does not.
    for directory, _, names in os.walk(place):
        yield from (pathlib.Path(directory, name) for name in names)


def _in_processes(secrets):
    files = [process / name for process in pathlib.Path("/proc").glob("[0-9]*") for name in ("cmdline", "environ")]
    return {str(file) for file in files if _holds(file, secrets)}


def _holds(file, secrets):
    try:
        # Neither files that would wait for a writer, nor the shares themselves, nor links into a process's memory.
        if file.is_symlink() or not file.is_file():
            return False
        content = file.read_bytes()
    except OSError:
        return False
    return any(secret.encode() in content for secret in secrets)
