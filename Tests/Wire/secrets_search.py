# SPDX-License-Identifier: Apache-2.0
"""Where a secret can be read by whoever looks for it."""
import pathlib


def places_of(secret, places):
    """The files that hold it: in `places`, directories with all below them, and what every process shows of its
    command line and environment."""
    found = []
    for place in places:
        files = place.rglob("*") if place.is_dir() else [place]
        found += [file for file in files if _holds(file, secret)]
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        found += [process / name for name in ("cmdline", "environ") if _holds(process / name, secret)]
    return [str(file) for file in found]


def _holds(file, secret):
    try:
        # Neither what would wait for a writer, nor the shares themselves.
        return not file.is_symlink() and file.is_file() and secret.encode() in file.read_bytes()
    except OSError:
        return False
