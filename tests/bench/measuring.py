"""Measuring one command: time, CPU and memory by a small helper, instructions by callgrind."""

import os
import re
import shutil
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness import scratch
from harness.processes import descendants

_COMMAND_SECONDS = 120


@dataclass(frozen=True)
class Cost:
    """What one run took. `memory` is the peak of the largest process, in bytes."""
    wall: float
    cpu: float
    memory: int


@dataclass(frozen=True)
class Command:
    """A contender's command line and its whole environment, and the exit code that is right."""
    arguments: list
    environment: dict
    code: int = 0

    def run(self):
        """Runs it once and returns its Cost."""
        line = subprocess.run([helper("bench_measure"), *self.arguments], env=self.environment,
                              cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=True, timeout=_COMMAND_SECONDS).stdout
        code, wall, cpu, memory = line.split()
        if int(code) != self.code:
            raise RuntimeError(f"exit code {code}, not {self.code}: {self._explanation()}")
        return Cost(float(wall), float(cpu), int(memory))

    def instructions(self):
        """What it executes in user space, all its processes together."""
        logs = scratch.directory("callgrind")
        done = subprocess.run(
            [shutil.which("valgrind"), "--tool=callgrind", "--trace-children=yes",
             f"--callgrind-out-file={logs}/%p.out", f"--log-file={logs}/%p.log", *self.arguments],
            env={"PATH": os.defpath, "HOME": "/", **self.environment}, cwd="/",
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_COMMAND_SECONDS)
        if done.returncode != self.code:
            raise RuntimeError(f"under valgrind: exit code {done.returncode}: {done.stderr}")
        counts = [int(count) for log in logs.glob("*.log")
                  for count in re.findall(r"Collected : (\d+)", log.read_text(errors="replace"))]
        shutil.rmtree(logs)
        return sum(counts)

    def _explanation(self):
        done = subprocess.run(self.arguments, env=self.environment, cwd="/", capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=_COMMAND_SECONDS)
        return f"{' '.join(map(str, self.arguments))}: {done.stdout}{done.stderr}"


def helper(name):
    """The path of one of the benchmark's own programs."""
    path = Path(os.environ["CHECKPG_BENCH_BIN"]) / name
    if not path.exists():
        raise FileNotFoundError(f"{path} doesn't exist: build the target `bench`")
    return str(path)


def interleaved(commands, rounds):
    """Runs all commands by turns, A B C A B C ..., so that the machine's moods hit all alike.

    Returns the list of Costs of each. One round before the first is not counted.
    """
    costs = {name: [] for name in commands}
    for count in range(rounds + 1):
        for name, command in commands.items():
            cost = command.run()
            if count > 0:
                costs[name].append(cost)
    return costs


def median(costs, quantity):
    return statistics.median(getattr(cost, quantity) for cost in costs)


def ratio(costs, to):
    """The median of the ratios of wall time, round by round."""
    return statistics.median(a.wall / b.wall for a, b in zip(costs, to))


def cpu_seconds(pid):
    """CPU a process and all below it have used so far, those that have ended included.

    What lives is asked by the nanosecond: of many that use little each, stat(5) would round all down
    to none."""
    seconds = 0.0
    for member in [pid, *descendants(pid)]:
        process = Path(f"/proc/{member}")
        try:
            stat = (process / "stat").read_text()
            own = sum(int((task / "schedstat").read_text().split()[0])
                      for task in (process / "task").iterdir())
        except OSError:
            continue  # what it used is with its parent now
        ended = sum(map(int, stat.rpartition(")")[2].split()[13:15]))
        seconds += own / 1e9 + ended / os.sysconf("SC_CLK_TCK")
    return seconds
