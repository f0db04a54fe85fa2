"""tests/demo --keep: the commands that it leaves to try, in their order, and that `stop` ends all of it."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness import abilities, scratch
from harness.checks import REPOSITORY, bin_directory
from harness.haproxy import READ_WRITE
from harness.waiting import PATIENCE, wait_for


@pytest.fixture(scope="module")
def kept():
    """What the demo said, left running in a directory of this run."""
    abilities.require_root("the demo")
    directory = scratch.directory("demo")
    demo = subprocess.run([sys.executable, REPOSITORY / "tests/demo.py", "--keep"], text=True, cwd="/",
                          env={"PATH": os.defpath, "TMPDIR": str(directory), "CHECKPG_BIN": str(bin_directory())},
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=120 * PATIENCE)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    scratch.at_end(lambda: end_all(directory))
    return demo.stdout


def end_all(directory):
    for stop in directory.glob("*/stop"):
        run(stop)
    for pid in processes_in(directory):  # of a server that `stop` has left
        os.kill(pid, signal.SIGQUIT)


def run(command):
    """As it is pasted into a terminal whose directory others can't enter."""
    home = scratch.directory("home")
    home.chmod(0o700)
    return subprocess.run(["/bin/bash", "-c", str(command)], text=True, cwd=home, env={"PATH": os.environ["PATH"]},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=60 * PATIENCE)


def the_one(pattern, text):
    found = re.findall(pattern, text, re.M)
    assert len(found) == 1, (pattern, text)
    return found[0]


def processes_in(directory):
    """The numbers of those that have it in their arguments, or work in it, below it, or in one that is
    gone: as far as that can be seen."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        for sees in (lambda process=process: f"{directory}/".encode() in (process / "cmdline").read_bytes(),
                     lambda process=process: os.readlink(process / "cwd").startswith(f"{directory}/")):
            with contextlib.suppress(OSError):
                if sees():
                    found.append(int(process.name))
                    break
    return found


def test_what_it_leaves_can_be_tried_and_ended(kept):
    left = kept[kept.index("\nLeft running\n"):]
    routes, check, stop, promote, start = re.findall(r"^    (.+)$", left, re.M)
    end = the_one(r"^end it +(\S+)$", left)
    insert = the_one(r"^writes +(psql .*)$", left) + " -XAtqc 'INSERT INTO visit DEFAULT VALUES RETURNING server'"

    shown = run(routes)
    assert shown.returncode < 3 and "db2" in shown.stdout, shown
    shown = run(check)
    assert (shown.returncode, "exit code 0" in shown.stdout) == (0, True), shown
    for command in (stop, promote):
        done = run(command)
        assert done.returncode == 0 and "ermission" not in done.stdout, done
    wait_for(lambda: run(insert).stdout.strip() == "db3", "a write, done by the standby that was promoted")
    done = run(start)
    assert done.returncode == 0 and "ermission" not in done.stdout, done
    wait_for(lambda: run(insert).returncode != 0, "no write beside a second primary")

    directory = Path(end).parent
    assert processes_in(directory)
    ended = run(end)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert not processes_in(directory)
    assert not directory.exists()


def test_it_shows_what_checkpgroutes_prints(kept):
    """Not a table of its own: the last line is that of a monitoring plugin."""
    assert len(re.findall(r"^\$ checkpgroutes --socket \S+$", kept, re.M)) == 3
    assert f"INSERT through {READ_WRITE}-frontend: done by db2" in kept
