"""HAProxy is reloaded and started anew under load: no connection to a server of unknown role."""

from labkit import cluster, machines, managers, scenario, traffic
from labkit.places import DATABASES, ROUTERS, name_of

_TIMES = 5


def run(show):
    """The load goes to the passive router's own address, where only HAProxy itself can help."""
    scenario.settle()
    router = next(name for name in ROUTERS if name not in cluster.vip_holders())
    primary = cluster.primary()
    for verb in ("reload", "restart"):
        with traffic.Traffic("write", ROUTERS[router], 5432, 0.04) as writes, \
                traffic.Traffic("read", ROUTERS[router], 5433, 0.04) as reads:
            for _ in range(_TIMES):
                writes.flows(count=20)
                reads.flows(count=20)
                machines.run_in(router, "systemctl", verb, "haproxy")
            writes.flows()
            reads.flows()
        wrong = {name_of(record["server"]) for record in writes.done} - {primary}
        assert not wrong, f"{verb}: writes to {wrong}"
        assert verb == "restart" or not writes.failed + reads.failed, \
            f"a reload cost connections: {traffic.errors(writes, reads)}"
        rejected = [record["error"] for record in writes.failed if "read-only" in record["error"]]
        assert not rejected, f"{verb}: {len(rejected)} writes went to a standby: {rejected[0]}"
        show(f"{_TIMES} times {verb}: {traffic.check_writes(writes)} writes, "
             f"{traffic.check_reads(reads)[0]} reads, none to the wrong server; without any server: "
             f"{len(writes.failed)} and {len(reads.failed)}")
        for error, number in traffic.errors(writes, reads):
            show(f"   {number} times: {error}")
    assert cluster.primary() == primary, f"{managers.chosen().name} moved the primary of {list(DATABASES)} meanwhile"
