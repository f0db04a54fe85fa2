"""What is true right now: of the databases, as their manager tells it, and of the routers."""

import json
import threading

from . import machines, managers
from .commands import LabError, run, succeeds
from .places import DATABASES, ROUTERS, VIP


def members():
    """The cluster, as one of its machines knows it: name -> Member. Empty while none can say."""
    for name in DATABASES:
        if machines.running(name):
            try:
                return managers.chosen().ask(name)
            except (LabError, ValueError):
                continue
    return {}


def primary():
    """The name of the running primary, or None."""
    found = [name for name, member in members().items() if member.primary and member.works]
    return found[0] if len(found) == 1 else None


def standbys():
    """The names of the standbys that follow the primary."""
    return {name for name, member in members().items() if not member.primary and member.works}


def healthy():
    """Whether there are a primary and three standbys, one of them synchronous."""
    found = members().values()
    return (len(found) == len(DATABASES) and all(member.works for member in found)
            and sum(member.primary for member in found) == 1
            and any(member.synchronous for member in found)
            and len({member.timeline for member in found}) == 1)


def switchover():
    """Has the synchronous standby made the primary; returns its name."""
    found = members()
    old = next(name for name, member in found.items() if member.primary)
    new = next(name for name, member in found.items() if member.synchronous)
    managers.chosen().switch(old, new)
    return new


def psql(name, *arguments, **options):
    """What psql prints on that machine, as the superuser and without decoration."""
    return machines.run_in(name, *managers.chosen().psql_words("-Atq", *arguments), **options)


def vip_holders(vip=VIP):
    """The routers that have the virtual IP on an interface."""
    return [router for router in ROUTERS if machines.running(router)
            and f" {vip}/" in machines.run_in(router, "ip", "-o", "-4", "address")]


def downs():
    """How many servers went down so far, router by router; a reload repeats which are."""
    count = "journalctl -t haproxy | grep ' is DOWN' | grep -vc 'from server-state' || true"
    return {router: int(machines.run_in(router, "sh", "-c", count)) for router in ROUTERS}


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
