"""The harness itself: whatever ends a run, nothing is left of it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness.processes import descendants, started
from harness.waiting import wait_for

#: Starts one of everything, then waits.
PROGRAM = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from harness import scratch
from harness.haproxy import HAProxy
from harness.hostile import BlackHole, StandIn, silent
from harness.postgres import Server
scratch.end_on_signals()
primary = Server("one").create()
standby = Server("two").create_standby(of=primary)
session = primary.session()
proxies = [HAProxy([primary, standby], mode=mode, programs={name: "/bin/true" for name in
           ("PostgresReadWrite", "PostgresReadOnly")}).start() for mode in ("foreground", "daemon")]
stand_ins = [StandIn(silent), BlackHole()]
standby.freeze()
print(scratch.root(), *primary.processes(), *standby.processes(), *(p.pid for p in proxies),
      flush=True)
signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL],
                         ids=lambda number: number.name)
def test_nothing_is_left_of_a_run_that_a_signal_ends(number):
    run = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(Path(__file__).resolve().parents[1])],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "CHECKPG_TEST_KEEP": ""})
    root, *pids = run.stdout.readline().split()
    family = {int(pid): started(int(pid)) for pid in pids}
    family |= {pid: started(pid) for pid in descendants(run.pid)}
    assert Path(root).is_dir() and len(family) > 10
    run.send_signal(number)
    run.communicate()
    wait_for(lambda: not any(start and started(pid) == start for pid, start in family.items()),
             "every process of the run to end")
    wait_for(lambda: not Path(root).exists(), f"{root} to be removed")
    assert not creators_of_shared_memory() & set(family)


def creators_of_shared_memory():
    """The processes whose System V segments there are: a killed PostgreSQL would leave one."""
    with open("/proc/sysvipc/shm") as segments:
        next(segments)
        return {int(fields[4]) for fields in map(str.split, segments)}
