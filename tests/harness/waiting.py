"""Waiting for a condition under a deadline. Nothing in the harness sleeps and hopes."""

import os
import time

#: Every wait is multiplied by this: raise it on a slow machine or under a sanitizer.
PATIENCE = float(os.environ.get("CHECKPG_TEST_PATIENCE", "1"))

_POLL_SECONDS = 0.02


class Timeout(Exception):
    """What was waited for did not happen in time."""


def wait_for(condition, what, timeout=15.0):
    """Calls `condition` until what it returns is true, and returns that.

    Raises Timeout, naming `what` was waited for, after `timeout` seconds times PATIENCE.
    `condition` is asked at least once. What it raises, ends the wait.
    """
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise Timeout(f"waited {timeout * PATIENCE:g} seconds in vain for {what} "
                          "(CHECKPG_TEST_PATIENCE=2 doubles every wait)")
        time.sleep(_POLL_SECONDS)
