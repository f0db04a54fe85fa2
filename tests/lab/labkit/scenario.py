"""Runs scenarios: one file each, a function `run(show)` whose assertions must hold."""

import importlib.util
import time
import traceback

from harness.waiting import wait_for

from . import cluster, lifecycle, machines, managers
from .commands import LabError
from .places import ADDRESSES, LAB, LOGS

_DIRECTORY = LAB / "scenarios"


def names():
    """All scenarios that this lab's cluster manager has, in the order in which one prepares the ground for the next."""
    return [line.split()[0] for line in (_DIRECTORY / managers.chosen().order).read_text().splitlines()]


def run(*wanted):
    """Runs the named ones, or `all`; the exit code is the number of those that failed."""
    lifecycle.require()
    wanted = names() if wanted == ("all",) else wanted
    if not wanted or set(wanted) - set(names()):
        raise LabError(f"run takes names of scenarios, or all; there are: {' '.join(names())}")
    return sum(not _run_one(name) for name in wanted)


def _run_one(name):
    print(f"== {name}", flush=True)
    began = time.monotonic()
    try:
        module = _load(name)
        print(module.__doc__.strip())
        module.run(_show)
    except Exception:  # whatever it is: the next scenario gets its turn
        traceback.print_exc()
        machines.keep_logs()
        print(f"FAILED {name} after {time.monotonic() - began:.0f} s; logs are in {LOGS}")
        return False
    print(f"passed {name} in {time.monotonic() - began:.0f} s", flush=True)
    return True


def _load(name):
    path = _DIRECTORY / f"{name.replace('-', '_')}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _show(what, seconds=None, budget=None):
    """Prints a measured figure, beside its budget where it has one."""
    text = what if seconds is None else f"{what}: {seconds:.2f} s"
    if budget is not None:
        text += f" (budget {budget} s{'' if seconds <= budget else ', EXCEEDED'})"
    print(f"   {text}", flush=True)


def settle():
    """Switches on what is off, and waits until databases and routers are as they should be."""
    off = [name for name in ADDRESSES if not machines.running(name)]
    for name in off:
        machines.power_on(name)
    wait_for(cluster.healthy, "a primary and three standbys", 120)
    wait_for(cluster.routers_ok, "checkpgroutes to say OK on both routers", 60)
    wait_for(lambda: len(cluster.vip_holders()) == 1, "the virtual IP on one router", 30)
