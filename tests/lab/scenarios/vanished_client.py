"""A client vanishes in the middle of a transaction, and another one has the virtual IP move away under it: what they
have locked is free again soon, and not in two hours."""

import subprocess
import time

from harness.waiting import wait_for

from labkit import cluster, machines, scenario
from labkit.places import ROUTERS, VIP

BUDGET = 35  # HAProxy's keepalive gives a client up after 30 s


def run(show):
    """Each of the two holds a row; somebody else wants it."""
    scenario.settle()
    active = cluster.vip_holders()[0]
    for router in ROUTERS:
        retries = machines.run_in(router, "cat", "/proc/sys/net/ipv4/tcp_retries2").strip()
        assert retries == "8", f"what a client doesn't acknowledge is sent {retries} times by {router}"
    primary = cluster.primary()
    _psql(primary, "INSERT INTO writes VALUES ('held', 1), ('held', 2)")
    with _Transaction(ROUTERS[active], 1), _Transaction(VIP, 2):
        # What is on its way is repeated tcp_retries2 times instead, which takes 100 s.
        wait_for(lambda: _is_acknowledged(active), "the clients to acknowledge what they have got")
        with machines.deaf("client", ROUTERS[active]):
            moment = time.monotonic()
            machines.run_in(active, "systemctl", "stop", "keepalived")
            try:
                wait_for(lambda: cluster.vip_holders() not in ([], [active]), "the virtual IP on the other router", 30)
                for row, whose in ((1, "vanished"), (2, "stayed with the router that had the address")):
                    _psql(primary, f"DELETE FROM writes WHERE run = 'held' AND n = {row}")
                    took = time.monotonic() - moment
                    show(f"the row of a client that {whose} is free after", took, budget=BUDGET)
                    assert took < 3 * BUDGET
            finally:
                machines.run_in(active, "systemctl", "start", "keepalived")
    scenario.settle()


def _is_acknowledged(router):
    """All that HAProxy has sent to clients for writes."""
    connections = machines.run_in(router, "ss", "-Htn", "sport = :5432").splitlines()
    return connections and all(connection.split()[2] == "0" for connection in connections)


def _psql(primary, statement):
    return cluster.psql(primary, "-d", "app", "-c", statement, timeout=4 * BUDGET)


class _Transaction:
    """One that is open, and holds a row, at a psql on the client."""

    def __init__(self, host, row):
        self._row = row
        self._psql = subprocess.Popen(
            machines.inside("client", "setpriv", "--pdeathsig", "KILL", "psql", "-XAtq", "-h", host, "-U", "app",
                            "-d", "app", "-v", "ON_ERROR_STOP=1"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        self._psql.stdin.write(f"BEGIN;\nUPDATE writes SET n = n WHERE run = 'held' AND n = {self._row};\n"
                               "SELECT 'holds';\n")
        self._psql.stdin.flush()
        assert self._psql.stdout.readline() == "holds\n", "the client has no transaction"
        return self

    def __exit__(self, *_exception):
        self._psql.kill()
        self._psql.communicate()
