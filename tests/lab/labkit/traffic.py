"""The client's traffic, seen from a scenario: started, collected, and judged."""

import itertools
import json
import shutil
import subprocess
import threading
import time
from collections import Counter

from harness.waiting import wait_for

from . import cluster, machines, secrets
from .places import DATABASES, LAB, VIP, name_of

_PROGRAM = "/usr/local/bin/traffic.py"
_runs = itertools.count(int(time.time()))


def install():
    """Gives the client its program and its password."""
    root = machines.root("client")
    shutil.copy(LAB / "client/traffic.py", root / _PROGRAM.lstrip("/"))
    passfile = root / "root/.pgpass"
    passfile.touch(mode=0o600)
    passfile.write_text(f"*:*:app:app:{secrets.password('app')}\n")


class Stream:
    """A program on the client whose lines of JSON are collected while it runs."""

    def __init__(self, *arguments):
        self.records = []
        self._process = subprocess.Popen(  # killed, it takes the program with it
            machines.inside("client", "setpriv", "--pdeathsig", "KILL", "python3", _PROGRAM,
                            *arguments),
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._collector = threading.Thread(target=self._collect)
        self._collector.start()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def close(self):
        """Lets the program finish what it has begun, and collects that, too."""
        self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._collector.join()

    def _collect(self):
        for line in self._process.stdout:
            self.records.append(json.loads(line))


class Traffic(Stream):
    """New connections at a steady rate; a record each. `done` are those that were answered."""

    def __init__(self, mode, host=VIP, port=5432, every=0.1):
        self.run = f"{mode}-{next(_runs)}"
        self.mode = mode
        super().__init__(mode, host, port, every, self.run)

    @property
    def done(self):
        """The answered ones, in the order of their answers."""
        return sorted((record for record in list(self.records) if not record["error"]),
                      key=lambda record: record["ended"])

    @property
    def failed(self):
        """The others."""
        return [record for record in list(self.records) if record["error"]]

    def flows(self, since=None, count=5):
        """Waits until `count` connections that began after `since` (default: now) are answered."""
        since = time.monotonic() if since is None else since
        wait_for(lambda: sum(record["began"] > since for record in self.done) >= count,
                 f"{self.mode} traffic to flow; the last failures: "
                 f"{[record['error'] for record in self.failed[-3:]]}", 60)

    def first_after(self, moment):
        """Waits for the first answer to what began after `moment`; returns when it came."""
        def first():
            return next((record for record in self.done if record["began"] >= moment), None)
        return wait_for(first, f"the first {self.mode} that begins after an event to be answered",
                        90)["ended"]

    def longest_gap(self):
        """The longest time, in seconds, between two answers."""
        ends = [record["ended"] for record in self.done]
        return max((after - before for before, after in itertools.pairwise(ends)), default=0.0)

    def servers(self, since=0.0):
        """The names of those that answered what began after `since`."""
        return {name_of(record["server"]) for record in self.done if record["began"] >= since}


class Sessions(Stream):
    """So many clients that each want a session through the virtual IP and stay; a record for each that was opened,
    broken or refused."""

    def __init__(self, clients):
        super().__init__("stay", VIP, "5432", clients)

    def count(self, event):
        """How many such events there were."""
        return sum(record["event"] == event for record in list(self.records))


class Roles(Stream):
    """The role of each server, asked 20 times a second without any router between."""

    def __init__(self):
        super().__init__("watch", "0.05", *(f"{name}={address}"
                                             for name, address in DATABASES.items()))

    def promotion(self, since):
        """Waits until a server is seen to become primary after `since`; returns (name, moment)."""
        def seen():
            return next((record for record in list(self.records)
                         if record["role"] == "primary" and record["at"] > since), None)
        record = wait_for(seen, "a server to be promoted", 90)
        return record["name"], record["at"]

    def demotion(self, name, since):
        """Waits until this server is seen to be primary no more, after `since`; returns the moment."""
        def seen():
            return next((record for record in list(self.records)
                         if record["name"] == name and record["role"] != "primary" and record["at"] > since), None)
        return wait_for(seen, f"{name} to be primary no more", 90)["at"]


def errors(*streams):
    """What failed, by its last line: [(text, how often)], the most frequent first."""
    texts = (record["error"].splitlines()[-1].strip() for stream in streams
             for record in stream.failed)
    return Counter(texts).most_common()


def check_writes(traffic):
    """What must hold of all writes, whatever happened meanwhile. Returns how many there were.

    None was acknowledged by a server that was not the primary then: no standby says so of itself,
    on each timeline one server alone has written, and on an older timeline none wrote after the
    first write on a newer one. And each acknowledged row is there.
    """
    done = traffic.done
    assert done, f"no write was acknowledged: {traffic.failed[-3:]}"
    standbys = [record for record in done if record["standby"]]
    assert not standbys, f"acknowledged by a standby: {standbys}"
    _check_timelines(done)
    lost = {record["n"] for record in done} - _rows(traffic.run)
    assert not lost, f"acknowledged, but lost: rows {sorted(lost)} of {len(done)}"
    return len(done)


def _check_timelines(done):
    first, writers = {}, {}
    for record in done:
        first.setdefault(record["timeline"], record["ended"])
        writers.setdefault(record["timeline"], set()).add(record["server"])
    assert all(len(servers) == 1 for servers in writers.values()), f"two writers: {writers}"
    for record in done:
        late = [timeline for timeline, moment in first.items()
                if timeline > record["timeline"] and record["began"] > moment]
        assert not late, f"acknowledged by an old primary: {record}, timelines since: {late}"


def _rows(run):
    query = f"SELECT n FROM writes WHERE run = '{run}'"
    text = cluster.psql(cluster.primary(), "-d", "app", "-c", query)
    return {int(line) for line in text.split()}


def check_reads(traffic, promoted=None, moment=0.0):
    """Only standbys have answered. Returns how many reads there were, and for how long a server
    that was promoted at that moment was still read from: until its next checks have failed."""
    done = traffic.done
    assert done, f"no read was answered: {traffic.failed[-3:]}"
    wrong = [record for record in done if not record["standby"]]
    late = max((record["began"] - moment for record in wrong), default=0.0)
    others = [record for record in wrong if name_of(record["server"]) != promoted or late > 10]
    assert not others, f"answered by a primary: {others}"
    return len(done), late
