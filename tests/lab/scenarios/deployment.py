"""Bare machines, ansible-playbook over ssh, and the virtual IP is on one router."""

import time

from labkit import cluster, deploy, scenario


def run(show):
    """The playbook alone does it all."""
    assert cluster.vip_holders() == [], "the routers are not bare: lab down, lab up"
    began = time.monotonic()
    deploy.deploy()
    show("ansible-playbook on two bare machines", time.monotonic() - began)
    scenario.settle()
    show(f"the virtual IP is on {cluster.vip_holders()[0]}")
