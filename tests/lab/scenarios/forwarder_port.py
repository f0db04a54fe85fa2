"""Traffic to port 25432, a forwarder on each database server, while checks ask port 5432."""

from labkit import cluster, deploy, scenario, traffic
from labkit.places import DATABASES, DOMAIN, FORWARDER, ROUTERS, STATE


def run(show):
    """As with stolon-proxy: whatever server is asked, it is the primary that answers."""
    scenario.settle()
    backends = [{"name": f"{name}.{DOMAIN}", "address": address, "port": FORWARDER}
                for name, address in DATABASES.items()]
    variables = {"haproxy_rw_backends": backends, "checkpg_check_port": 5432}
    try:
        deploy.playbook(variables=variables)
        for router in ROUTERS:
            configuration = (STATE / f"machines/{router}/root/etc/haproxy/haproxy.cfg").read_text()
            assert configuration.count(f":{FORWARDER}") == len(DATABASES)
        scenario.settle()
        before = cluster.primary()
        with traffic.Traffic("write") as writes:
            with traffic.Traffic("read", port=5433) as reads:
                writes.flows(count=30)
                reads.flows(count=30)
            promoted = cluster.switchover()
            scenario.settle()
            writes.flows()
        assert writes.servers() == {before, promoted}, writes.servers()
        show(f"{traffic.check_writes(writes)} writes through port {FORWARDER}, over a switchover; "
             f"{traffic.check_reads(reads)[0]} reads")
    finally:
        deploy.playbook()
