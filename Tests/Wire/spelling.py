# SPDX-License-Identifier: Apache-2.0
"""The spellings of one path."""
import pytest


def posix(path):
    return str(path)


def windows(path):
    return "C:" + driveless(path)


def driveless(path):
    return str(path).replace("/", "\\")


def each_spelling(*spellings):
    """Runs a test with `spelled` as each of the spellings, POSIX and Windows unless said otherwise."""
    spellings = spellings or (posix, windows)
    return pytest.mark.parametrize("spelled", spellings, ids=[spelling.__name__ for spelling in spellings])
