# SPDX-License-Identifier: Apache-2.0
"""Takes ntpath.py and genericpath.py out of the standard library that componentize-py's wheel carries:

    ntpath_extract.py WHEEL DIRECTORY

The library is a tar archive, compressed by zstd, somewhere within the wheel's one shared object.
"""

import io
import pathlib
import sys
import tarfile
import zipfile

import zstandard

FRAME = b"\x28\xb5\x2f\xfd"
WANTED = {"ntpath.py", "genericpath.py"}


def frames(data):
    """The content of each zstd frame in the data."""
    start = data.find(FRAME)
    while start >= 0:
        try:
            frame = zstandard.ZstdDecompressor().decompressobj()
            yield frame.decompress(memoryview(data)[start:])
            start = data.find(FRAME, len(data) - len(frame.unused_data))
        except zstandard.ZstdError:
            start = data.find(FRAME, start + 1)


def extract(wheel, directory):
    with zipfile.ZipFile(wheel) as archive:
        (library,) = [name for name in archive.namelist() if name.endswith(".so")]
        data = archive.read(library)
    found = set()
    for content in frames(data):
        if content[257:262] != b"ustar":
            continue
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                if member.name.removeprefix("./") in WANTED:
                    name = pathlib.PurePosixPath(member.name).name
                    (pathlib.Path(directory) / name).write_bytes(archive.extractfile(member).read())
                    found.add(name)
    if found != WANTED:
        sys.exit(f"ntpath_extract.py: {wheel} holds only {sorted(found)}")


if __name__ == "__main__":
    extract(sys.argv[1], sys.argv[2])
