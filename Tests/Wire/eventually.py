# SPDX-License-Identifier: Apache-2.0
"""Waits with a bound, which ends a hang: no test depends on a machine's speed."""
import time

# In seconds; far longer than anything takes on the busiest machine.
PATIENCE = 180


class NeverHappened(AssertionError):
    pass


def eventually(expected, is_so, more=lambda: "", pause=0.01):
    """Waits until `is_so()`, and returns its value. Else the test fails with a sentence: `expected`, and `more`."""
    end = time.monotonic() + PATIENCE
    while not (answer := is_so()):
        if time.monotonic() > end:
            raise NeverHappened(f"not within {PATIENCE} s: {expected}\n{more()}")
        time.sleep(pause)
    return answer
