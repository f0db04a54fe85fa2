"""Who has the virtual IP, looked at all the time."""

import threading

from . import cluster


class Holders:
    """Looks all the time how many routers have the virtual IP."""

    def __init__(self):
        self.seen = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exception):
        self._ended.set()
        self._thread.join()

    def _look(self):
        while not self._ended.wait(0.1):
            self.seen.append(len(cluster.vip_holders()))
