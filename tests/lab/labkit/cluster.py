"""What is true right now: of the databases, as Patroni tells it, and of the routers."""

import json
import threading

from . import machines
from .commands import LabError, run, succeeds
from .places import DATABASES, ROUTERS, VIP


def members():
    """Patroni's list of the cluster: name -> its row. Empty while Patroni can't say."""
    for name in DATABASES:
        if machines.running(name):
            try:
                text = machines.run_in(name, "patronictl", "-c", "/etc/patroni/config.yml", "list",
                                       "-f", "json", timeout=30)
                return {row["Member"]: row for row in json.loads(text)}
            except (LabError, ValueError):
                continue
    return {}


def primary():
    """The name of the running primary, or None."""
    leaders = [name for name, row in members().items()
               if row["Role"] == "Leader" and row["State"] == "running"]
    return leaders[0] if len(leaders) == 1 else None


def standbys():
    """The names of the standbys that follow the primary."""
    return {name for name, row in members().items() if _follows(row)}


def healthy():
    """Whether there are a primary and three standbys, one of them synchronous."""
    rows = members()
    following = [row for row in rows.values() if _follows(row)]
    leaders = [row for row in rows.values()
               if row["Role"] == "Leader" and row["State"] == "running"]
    return (len(leaders) == 1 and len(following) == len(DATABASES) - 1
            and any(row["Role"] == "Sync Standby" for row in following)
            and len({row.get("TL") for row in rows.values()}) == 1)


def _follows(row):
    return row["Role"] in ("Replica", "Sync Standby") and row["State"] in ("streaming", "running")


def switchover():
    """Asks Patroni to make the synchronous standby the primary; returns its name."""
    rows = members()
    old = primary()
    candidate = next(name for name, row in rows.items() if row["Role"] == "Sync Standby")
    patronictl = ["patronictl", "-c", "/etc/patroni/config.yml"]
    machines.run_in(old, *patronictl, "switchover", "--force", "--candidate", candidate,
                    timeout=120)
    return candidate


def vip_holders():
    """The routers that have the virtual IP on an interface."""
    return [router for router in ROUTERS if machines.running(router)
            and f" {VIP}/" in machines.run_in(router, "ip", "-o", "-4", "address")]


class Holders:
    """Looks all the time how many routers have the virtual IP: `seen` has the numbers."""

    def __init__(self):
        self.seen = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exception):
        self._ended.set()
        self._thread.join()

    def _look(self):
        while not self._ended.wait(0.1):
            self.seen.append(len(vip_holders()))


def routes(router):
    """checkpgroutes' JSON and exit code on a router."""
    command = machines.inside(router, "sh", "-c", "checkpgroutes --json; echo $?")
    text, _, code = run(*command, check=False).rstrip().rpartition("\n")
    return json.loads(text), int(code)


def routers_ok():
    """Whether checkpgroutes says OK on every router."""
    return all(succeeds(*machines.inside(router, "checkpgroutes", "--quiet"))
               for router in ROUTERS)
