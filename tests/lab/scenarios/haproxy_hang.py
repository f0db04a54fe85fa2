"""HAProxy is stopped, then hangs (SIGSTOP), on the active router: the virtual IP moves each time."""

import time

from harness.waiting import wait_for

from labkit import cluster, machines, scenario, traffic

def run(show):
    """And is back in service after it was started, or goes on."""
    for name, break_it, mend_it in (("stopped", _stop, _start), ("hangs", _freeze, _thaw)):
        scenario.settle()
        active = cluster.vip_holders()[0]
        with traffic.Traffic("write", every=0.05) as writes:
            writes.flows()
            moment = time.monotonic()
            break_it(active)
            try:
                wait_for(lambda active=active: cluster.vip_holders() not in ([], [active]),
                         "the virtual IP on the other router", 30)
                first = writes.first_after(moment + 0.5)
                assert active not in cluster.vip_holders(), f"{active} has it, too"
            finally:
                mend_it(active)
            scenario.settle()
            writes.flows()
        assert first - moment < 20
        show(f"HAProxy {name}: longest time between two writes", writes.longest_gap())
        show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; "
             f"{len(writes.failed)} failed")


def _stop(router):
    wait_for(lambda: _keepers(router), f"checks of {router} to leave keepers", 30)
    machines.run_in(router, "systemctl", "stop", "haproxy")
    left = _keepers(router)
    assert not left, f"keepers outlive HAProxy: {left}"


def _keepers(router):
    """The processes in which checks there keep connections."""
    return machines.run_in(router, "sh", "-c", "grep -lx 'checkpg keeper' /proc/[0-9]*/comm",
                           check=False).split()


def _start(router):
    machines.run_in(router, "systemctl", "start", "haproxy")


def _freeze(router):
    machines.run_in(router, "systemctl", "kill", "--signal=SIGSTOP", "haproxy")


def _thaw(router):
    machines.run_in(router, "systemctl", "kill", "--signal=SIGCONT", "haproxy")
