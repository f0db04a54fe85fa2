"""The virtual IP is changed by a run of the playbook, and back."""

import time

from labkit import cluster, deploy, scenario, traffic
from labkit.places import VIP

_OTHER = "192.0.2.25"


def run(show):
    """The new one is where the old one was, which no router has any more."""
    scenario.settle()
    holders = cluster.vip_holders()
    try:
        with traffic.Traffic("write", every=0.05) as writes:
            writes.flows()
            deploy.playbook(variables={"postgresql_vip_ip": _OTHER})
            changed = time.monotonic()
        with traffic.Traffic("write", host=_OTHER) as others, traffic.Traffic("read", host=_OTHER, port=5433) as reads:
            others.flows(count=20)
            reads.flows(count=20)
        assert (cluster.vip_holders(), cluster.vip_holders(_OTHER)) == ([], holders)
        show("the old address answered last before the end of the run", changed - writes.done[-1]["ended"])
        show(f"{traffic.check_writes(writes) + traffic.check_writes(others)} writes acknowledged, all kept; "
             f"{traffic.check_reads(reads)[0]} reads; to the new address none failed")
        assert not others.failed + reads.failed, traffic.errors(others, reads)
    finally:
        deploy.playbook()
    scenario.settle()
    assert (cluster.vip_holders(), cluster.vip_holders(_OTHER)) == (holders, []), f"{VIP} is elsewhere"
