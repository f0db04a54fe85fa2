"""More clients than PostgreSQL takes connections: who is in stays in, the others wait, and the primary stays up."""

from collections import Counter

from harness.waiting import wait_for

from labkit import cluster, scenario, traffic
from labkit.places import ROUTERS

CLIENTS = 310  # of the lab's max_connections, 300
REFUSED = 600
_LEFT = ("SELECT current_setting('max_connections')::int - count(*) FROM pg_stat_activity "
         "WHERE backend_type = 'client backend'")


def run(show):
    """Without a limit in HAProxy the checks would find no connection left, and end all sessions, again and again."""
    scenario.settle()
    primary = cluster.primary()
    with traffic.Sessions(CLIENTS) as sessions:
        wait_for(lambda: sessions.count("refused") > REFUSED, "clients beyond the limit to be turned away", 60)
        left = int(cluster.psql(primary, "-c", _LEFT))
        for router in ROUTERS:
            routes, _ = cluster.routes(router)
            assert [name.split(".")[0] for name in routes["primaries"]] == [primary], routes["summary"]
        counts = Counter(record["event"] for record in list(sessions.records))
    show(f"{CLIENTS} clients: {counts['open']} sessions opened, {counts['broken']} broken, {counts['refused']} refused; "
         f"{left} connections left")
    assert counts["open"] >= 80, f"{counts['open']} sessions only"
    assert left >= 20, f"{left} connections are left for the checks"
    assert not counts["broken"], f"{counts['broken']} sessions of a healthy primary were ended"
    scenario.settle()
