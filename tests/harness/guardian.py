"""Waits for the end of a test run and ends what that run could not end itself.

Usage: guardian.py DIRECTORY, with the run at the other end of standard input. Lines are
`watch PID SIGNAL`, `unwatch PID` and `dismissed`. When the input ends without `dismissed`, the
run has died: the processes it named are ended and its directory is removed.
"""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.processes import descendants, remove_shared_memory, started  # noqa: E402


def send(pid, number):
    try:
        os.kill(pid, number)
    except OSError:
        pass


def end(pid, start, end_signal):
    if started(pid) != start:
        return
    family = [(each, started(each)) for each in [pid, *descendants(pid)]]
    for member, _ in family:
        send(member, signal.SIGCONT)
    send(pid, end_signal)
    deadline = time.monotonic() + 15  # PostgreSQL gives its own processes 5
    while started(pid) == start and time.monotonic() < deadline:
        time.sleep(0.05)
    for member, member_start in family:
        if member_start is not None and started(member) == member_start:
            send(member, signal.SIGKILL)


def main():
    if os.fork():
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watched = {}
    for line in sys.stdin:
        match line.split():
            case ["watch", pid, end_signal]:
                watched[int(pid)] = (started(int(pid)), int(end_signal))
            case ["unwatch", pid]:
                watched.pop(int(pid), None)
            case ["dismissed"]:
                return
    for pid, (start, end_signal) in reversed(watched.items()):
        if start is not None:
            end(pid, start, end_signal)
    for file in Path(sys.argv[1]).glob("*/data/postmaster.pid"):
        remove_shared_memory(file)
    if not os.environ.get("CHECKPG_TEST_KEEP"):
        shutil.rmtree(sys.argv[1], ignore_errors=True)


main()
