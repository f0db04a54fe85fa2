"""From nothing to a booted lab, and back."""

import contextlib
import os
import shutil
import signal
import subprocess
import time

from harness.waiting import Timeout, wait_for

from . import cluster, databases, deploy, images, machines, mirror, network, secrets, traffic
from .commands import LabError, run
from .places import ADDRESSES, DATABASES, LAB, LIMIT_OF_STATE, LOGS, MANAGER, STATE, SUITE


_KIND = f"{SUITE} with {MANAGER}"
_GUARD = """while kill -0 "$1" 2>/dev/null; do [ -e "$2" ] || exit 0; sleep 1; done; exec "$0" down"""


def up(until=None):
    """Boots what is not running yet. Routers that were deployed stay so.

    With `until`, the pid of a process, everything is removed when that process has ended.
    """
    began = time.monotonic()
    images.build()
    _mount_state()
    if until:
        _guard(until)
    network.up()
    secrets.make()
    deploy.make_key()
    deploy.make_inventory()
    for name in ADDRESSES:
        machines.create(name)
    for name in DATABASES:
        if not machines.running(name):
            databases.configure(name)
    traffic.install()
    mirror.up()
    try:
        machines.boot_all()
        databases.up()
    except Timeout as timeout:
        machines.keep_logs()
        raise LabError(f"{timeout}; logs are in {LOGS}") from None
    print(f"the lab is up after {time.monotonic() - began:.0f} s")


def _mount_state():
    if os.path.ismount(STATE):
        _refuse_another()
        return
    STATE.mkdir(mode=0o700, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", f"mode=0700,size={LIMIT_OF_STATE}", "checkpg-lab", STATE)
    (STATE / "kind").write_text(_KIND)


def _refuse_another():
    kind = (STATE / "kind").read_text()
    if kind != _KIND:
        raise LabError(f"a lab of {kind} is up: lab down, before one of {_KIND}")


def _guard(pid):
    mark = STATE / f"until-{pid}"
    mark.touch()
    subprocess.Popen(["sh", "-c", _GUARD, LAB / "lab", pid, mark], stdin=subprocess.DEVNULL,
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def require():
    """Refuses when there is no lab."""
    if not network.exists() or not os.path.ismount(STATE):
        raise LabError("there is no lab: lab up")
    _refuse_another()


def status():
    """Prints what runs, who is primary and who has the virtual IP."""
    require()
    rows = cluster.members()
    holders = cluster.vip_holders()
    for name, address in ADDRESSES.items():
        words = ["up" if machines.ready(name) else "off"]
        if name in rows:
            words.append(_word(rows[name]))
        if name in holders:
            words.append("has the virtual IP")
        print(f"{name:8} {address:12} {', '.join(words)}")


def _word(member):
    word = "primary" if member.primary else "synchronous standby" if member.synchronous else "standby"
    return word if member.works else f"{word} that does not work"


def down():
    """Ends and removes all that up() made, whatever state it is in; the cached images stay."""
    wait_for(_all_ended, "the lab's processes to end", 60)
    machines.remove_all()
    if os.path.ismount(STATE):
        run("umount", STATE)
    shutil.rmtree(STATE, ignore_errors=True)
    network.down()


def _all_ended():
    left = machines.processes() + network.processes()
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return not left
