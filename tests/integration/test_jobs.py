"""tests/jobs.sh, which tests/run and tests/demo are made of, with a build that only seems one."""

import os
import signal
import subprocess

import pytest
from harness import scratch
from harness.checks import REPOSITORY

BUILD = """\
#!/bin/bash
[[ $1 == --build ]] || exit 0
for part in 1 2 3 4; do echo "[$((2 * part))/8] part"; done
[[ ! -e endless ]] || exec sleep 600
"""


@pytest.fixture
def tree():
    directory = scratch.directory("jobs")
    (directory / "cmake").write_text(BUILD)
    (directory / "cmake").chmod(0o755)
    return directory


def start(tree):
    script = f'set -euo pipefail; . {REPOSITORY}/tests/jobs.sh; build_preset release'
    return subprocess.Popen(["/bin/bash", "-c", script], cwd=tree, text=True, stdin=subprocess.DEVNULL,
                            env={"PATH": f"{tree}:{os.defpath}"}, start_new_session=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_a_build_says_how_far_it_is(tree):
    said, _ = start(tree).communicate(timeout=30)
    assert [line.split(" after")[0].strip() for line in said.splitlines()[:-1]] == [
        "== building release", "25 %", "50 %", "75 %"]
    assert said.splitlines()[-1].startswith("   built in ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_build_that_is_interrupted_says_so(tree, number):
    """As by Ctrl-C: every process of the terminal's group gets it, those that filter the output, too."""
    (tree / "endless").touch()
    run = start(tree)
    while "75 %" not in run.stdout.readline():
        assert run.poll() is None
    os.killpg(run.pid, number)
    said, _ = run.communicate(timeout=30)
    assert run.returncode == 128 + number
    assert said == f"\nstopped by {number.name}\n"
