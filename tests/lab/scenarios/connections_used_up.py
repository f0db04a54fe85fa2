"""More clients than PostgreSQL takes connections: who is in stays in, the others wait, and the primary stays up."""

from collections import Counter

from harness.waiting import wait_for

from labkit import cluster, machines, scenario, traffic
from labkit.places import ROUTERS

CLIENTS = 310  # of the lab's max_connections, 300
REFUSED = 600


def run(show):
    """Without a limit in HAProxy the checks would find no connection left, and end all sessions, again and again."""
    scenario.settle()
    primary = cluster.primary()
    with traffic.Sessions(CLIENTS) as sessions:
        wait_for(lambda: sessions.count("refused") > REFUSED, "clients beyond the limit to be turned away", 60)
        used = int(machines.run_in(primary, "runuser", "-u", "postgres", "--", "psql", "-XAtqc", "SELECT count(*) "
                                   "FROM pg_stat_activity WHERE usename = 'app'"))
        for router in ROUTERS:
            routes, _ = cluster.routes(router)
            assert [name.split(".")[0] for name in routes["primaries"]] == [primary], routes["summary"]
    counts = Counter(record["event"] for record in sessions.records)
    show(f"{CLIENTS} clients: {used} sessions, {counts['open']} opened, {counts['broken']} broken, "
         f"{counts['refused']} refused")
    assert used >= 80, f"{used} sessions only"
    assert not counts["broken"], f"{counts['broken']} sessions of a healthy primary were ended"
    scenario.settle()
