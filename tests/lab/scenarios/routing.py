"""Writes reach the primary, reads only standbys, and checkpgroutes agrees with the cluster manager."""

from labkit import cluster, scenario, traffic
from labkit.places import DOMAIN, ROUTERS


def run(show):
    """Also: all standbys get their part of the reads."""
    scenario.settle()
    primary, standbys = cluster.primary(), cluster.standbys()
    with traffic.Traffic("write") as writes, traffic.Traffic("read", port=5433) as reads:
        writes.flows(count=30)
        reads.flows(count=30)
    assert not writes.failed and not reads.failed, (writes.failed[:3], reads.failed[:3])
    written, read = traffic.check_writes(writes), traffic.check_reads(reads)[0]
    assert writes.servers() == {primary}, f"{writes.servers()}, and the primary is {primary}"
    assert reads.servers() == standbys, f"{reads.servers()}, and the standbys are {standbys}"
    for router in ROUTERS:
        _check_routes(router, primary, standbys)
    assert len(cluster.vip_holders()) == 1
    show(f"{written} writes, all to {primary}; {read} reads from {', '.join(sorted(standbys))}")


def _check_routes(router, primary, standbys):
    routes, code = cluster.routes(router)
    assert code == 0, f"{router}: {routes['summary']}"
    assert routes["primaries"] == [f"{primary}.{DOMAIN}"], f"{router}: {routes['primaries']}"
    assert set(routes["standbys"]) == {f"{name}.{DOMAIN}" for name in standbys}, \
        f"{router}: {routes['standbys']}"
