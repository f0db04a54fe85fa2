"""A run that changes settings reaches the moment of HAProxy's reload, on one router and then on the other, and just
then the primary's role moves."""

import threading
import time

from harness.waiting import wait_for

from labkit import cluster, deploy, scenario, traffic
from labkit.places import LOGS

_LAST = "TASK [checkpg.router.haproxy : See what HAProxy does not go by yet]"


def run(show):
    """What the checks had counted is not lost by the reload, as it waits for a quiet moment."""
    scenario.settle()
    try:
        with traffic.Roles() as roles, traffic.Traffic("write", every=0.05) as writes:
            writes.flows()
            playbook = _Playbook({"haproxy_connect_timeout": "3s"})
            for router in (1, 2):
                playbook.wait_for_reload(router)
                began = time.monotonic()
                with traffic.Traffic("read", port=5433, every=0.05) as reads:
                    promoted = cluster.switchover()
                    moment = roles.promotion(began)[1]
                    first = writes.first_after(moment)
                    reads.flows(count=60)
                count, late = traffic.check_reads(reads, promoted, moment)
                show("promotion to the first write", first - moment, budget=1.5)
                show(f"{count} reads; {len(reads.failed)} failed; the new primary was read from for", late)
                assert late < 5
            playbook.ended()
            writes.flows()
        scenario.settle()
        show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; {len(writes.failed)} failed; the longest "
             "time between two", writes.longest_gap())
    finally:
        deploy.playbook()


class _Playbook:
    def __init__(self, variables):
        self._log = LOGS / "ansible.log"
        self._begin = self._log.stat().st_size
        self._failures = []
        self._thread = threading.Thread(target=self._run, args=(variables,))
        self._thread.start()

    def _run(self, variables):
        try:
            deploy.playbook(variables=variables)
        except Exception as error:  # told by ended()
            self._failures.append(error)

    def wait_for_reload(self, router):
        """Until it comes to that task on that many routers."""
        wait_for(lambda: self._log.read_bytes()[self._begin:].decode().count(_LAST) >= router or not
                 self._thread.is_alive(), f"the run to come to the reload on router {router}", 120)
        assert self._thread.is_alive(), self._failures

    def ended(self):
        """Waits for its end, which must be a good one."""
        self._thread.join()
        assert not self._failures, self._failures
