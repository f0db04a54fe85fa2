"""Runs of the playbook that break at a task. Environment: LAB_STEPS is how many tasks are broken, and LAB_SEED decides
which; or it is a range such as 31-60, of the tasks that a run does not skip, or `all`."""

import os
import random

from . import deploy
from .places import LOGS

_STEPS = os.environ.get("LAB_STEPS", "2")
SEED = os.environ.get("LAB_SEED") or str(random.randrange(1000))


def tasks():
    """The numbers of the tasks that the last run of the playbook did not skip."""
    text = (LOGS / "ansible.log").read_text().rpartition("\nPLAY [Refuse")[2]
    said_of_each = text.partition("\nPLAY RECAP")[0].split("\nTASK [")[1:]
    return [number for number, said in enumerate(said_of_each, 1) if any(
        f"\n{word}: " in said for word in ("ok", "changed", "included"))]


def breaks(numbers):
    """Of these tasks the ones to break at, each with how, which is fail or kill."""
    if _STEPS.isdigit():
        choice = random.Random(SEED)
        numbers = [choice.choice(numbers) for _ in range(int(_STEPS))]
    elif _STEPS != "all":
        first, last = map(int, _STEPS.split("-"))
        numbers = numbers[first - 1:last]
    return [(task, ("fail", "kill")[number % 2]) for number, task in enumerate(numbers)]


def run_broken(show, task, how, variables=None):
    """Runs the playbook, which breaks there, and returns its output."""
    output = deploy.playbook(variables=variables, broken={"LAB_BREAK_AT": str(task), "LAB_BREAK_HOW": how})
    name = output.rpartition("\nTASK [")[2].partition("]")[0] if how == "kill" else _failed_task(output)
    show(f"{how} at task {task}, {name or 'which is skipped'}")
    assert output.count("\nTASK [") >= task - 1, "the run was over before that"
    return output


def _failed_task(output):
    return output.partition("broken on purpose")[0].rpartition("\nTASK [")[2].partition("]")[0] \
        if "broken on purpose" in output else ""
