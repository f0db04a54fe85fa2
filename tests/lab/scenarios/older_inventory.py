"""An inventory as the older roles have it, with a third service, goes in; the VRRP id is changed by the same run."""

from labkit import cluster, deploy, scenario, traffic
from labkit.places import DATABASES, DOMAIN, ROUTERS, STATE, VIP

_PROGRAMS = {"PostgresReadWrite": "checkpgprimary", "PostgresReadOnly": "checkpgstandby",
             "PostgresReadOnlyBouncer": "checkpgstandby"}
_PORTS = {"PostgresReadWrite": 5432, "PostgresReadOnly": 5433, "PostgresReadOnlyBouncer": 6432}


def _inventory():
    servers = [{"name": f"{name}.{DOMAIN}", "address": address, "port": "5432", "checkport": "9201"}
               for name, address in DATABASES.items()]
    frontends = [{"name": f"{name}-frontend", "address": VIP if port == 6432 else "*", "port": str(port), "mode": "tcp",
                  "backend": f"{name}-backend", "timeout_client": "10800s"} for name, port in _PORTS.items()]
    backends = [{"name": f"{name}-backend", "mode": "tcp", "balance_method": "leastconn", "options": ["external-check"],
                 "params": [f"external-check command  /opt/pgroute66/{program}.sh"], "timeout_server": "10800s",
                 "servers": servers} for name, program in _PROGRAMS.items()]
    return {"haproxy_frontends": frontends, "haproxy_backends": backends, "postgresql_subnet": "24",
            "keepalived_internal_vip_cidr": f"{VIP}/24", "haproxy_global_vars": ["external-check"],
            "haproxy_maxconn": "1000", "haproxy_package_names": ["haproxy"], "haproxy_mode": "tcp",
            "keepalived_virtual_router_id": 77}


def run(show):
    """The third one is bound to the virtual IP alone. What it takes away again must be said."""
    scenario.settle()
    before = cluster.vip_holders()
    try:
        with traffic.Traffic("write", every=0.05) as writes, cluster.Holders() as looks:
            writes.flows()
            deploy.playbook(variables=_inventory())
            scenario.settle()
            writes.flows()
        show("longest time between two writes", writes.longest_gap())
        show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; {len(writes.failed)} failed; looked "
             f"{len(looks.seen)} times: no router had the virtual IP {looks.seen.count(0)} times, both "
             f"{looks.seen.count(2)} times")
        assert 0 not in looks.seen, "the virtual IP was dropped"
        assert cluster.vip_holders() == before, "the virtual IP has moved"
        assert all("virtual_router_id 77\n" in (STATE / f"machines/{router}/root/etc/keepalived/keepalived.conf")
                   .read_text() for router in ROUTERS)
        with traffic.Traffic("read", port=6432) as reads:
            reads.flows(count=20)
        assert reads.servers() == cluster.standbys(), reads.servers()
        show(f"{traffic.check_reads(reads)[0]} reads through the third service")
        said = deploy.playbook(check=False)
        assert "PostgresReadOnlyBouncer-frontend, PostgresReadOnlyBouncer-backend. Add it to haproxy_services" in said
    finally:
        deploy.playbook(variables={"haproxy_drop_sections": ["PostgresReadOnlyBouncer-frontend",
                                                             "PostgresReadOnlyBouncer-backend"]})
        scenario.settle()
