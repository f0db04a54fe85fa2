"""HAProxy with many servers: what it costs to have them all checked, every second, twice."""

import re
import statistics
import subprocess
import time
from dataclasses import dataclass

from harness import haproxy, keepers
from harness.waiting import wait_for
from measuring import cpu_seconds

#: One PostgreSQL listens on all of them; many servers share one.
ADDRESSES = [f"127.0.0.{last}" for last in range(1, 51)]

#: HAProxy's own check that knows the role: bytes to send and bytes to expect; no password, no TLS.
_TCP_CHECK = """\
    option tcp-check
    tcp-check connect
    tcp-check send-binary 00000028
    tcp-check send-binary 00030000
    tcp-check send-binary 7573657200636865636b706700
    tcp-check send-binary 646174616261736500706f73746772657300
    tcp-check send-binary 00
    tcp-check send-binary 510000002a
    tcp-check send-binary 53454c4543542070675f636174616c6f672e70675f69735f696e5f7265636f766572792829
    tcp-check send-binary 00
    tcp-check expect binary 440000000b00010000000166
    tcp-check send-binary 5800000004
"""


@dataclass(frozen=True)
class Watch:
    """What a watch took: CPU per second, durations in milliseconds, checks that took too long."""
    servers: int
    haproxy_cpu: float
    postgres_cpu: float
    log_lines: float
    checks_per_second: float
    median: float
    longest: float
    timeouts: int
    readings: int
    keepers: list  # kilobytes of each


def by_program(program):
    """HAProxy runs this executable for both backends. `files` are those in /etc/checkpg."""
    def build(servers, files):
        return haproxy.HAProxy(servers, interval="1s", files=files, chroot=files is not None,
                               server_options="rise 1 fall 2",
                               programs={name: program for name in haproxy.PROGRAM_OF})
    return build


def by_tcp_check(servers, _files):
    """HAProxy asks by itself. The primary's answer is what both backends want."""
    proxy = haproxy.HAProxy(servers, interval="1s", server_options="rise 1 fall 2",
                            programs={name: "/bin/true" for name in haproxy.PROGRAM_OF})
    text = proxy.configuration_file.read_text()
    text = text.replace("    option external-check\n", _TCP_CHECK)
    text = text.replace("    external-check command /bin/true\n", "")
    proxy.configuration_file.write_text(text)
    return proxy


def watch(server, count, build, *, seconds, files=None):
    """Lets HAProxy watch `count` servers for so long and returns a Watch."""
    targets = [haproxy.Target(f"db{number}", ADDRESSES[number % len(ADDRESSES)], server.port)
               for number in range(count)]
    proxy = build(targets, files)
    with keepers.ended(server), proxy:
        wait_for(lambda: all(row["check_status"] not in ("", "INI") for row in _rows(proxy)),
                 "HAProxy to check every server", 30)
        time.sleep(2)  # where connections are kept, they are by now
        begin = time.monotonic()
        before = _cpu(proxy, server), cpu_seconds(server.pid), server.log_position()
        questions = _questions(server)
        durations, timeouts = [], 0
        while time.monotonic() < begin + seconds:
            # A pace of its own: readings at HAProxy's would see the same ones under way each time.
            time.sleep(0.7)
            rows = _rows(proxy)
            durations += [int(row["check_duration"]) for row in rows if row["check_duration"]]
            timeouts += sum(row["check_status"] in ("PROCTOUT", "L7TOUT", "L4TOUT")
                            for row in rows)
        span = time.monotonic() - begin
        after = _cpu(proxy, server), cpu_seconds(server.pid)
        log = server.log(before[2])
        memory = [keepers.own_kilobytes(pid) for pid in keepers.of(server)]
        # Each check is a log-in, or else a question over a connection that was there before.
        checks = _questions(server) - questions if memory else log.count("connection authorized")
    return Watch(count, (after[0] - before[0]) / span, (after[1] - before[1]) / span,
                 log.count("\n") / span, checks / span, statistics.median(durations),
                 max(durations), timeouts, len(durations), memory)


def _cpu(proxy, server):
    """Of HAProxy with all its checks, and of the keepers that these left."""
    return cpu_seconds(proxy.pid) + sum(cpu_seconds(pid) for pid in keepers.of(server))


def _questions(server):
    """What its open connections have brought it, in segments with data. A question is one; no view of
    PostgreSQL's counts it, since it reads no table."""
    seen = subprocess.run(["ss", "-tinH", "state", "established", f"sport = :{server.port}"],
                          check=True, capture_output=True, text=True).stdout
    return sum(map(int, re.findall(r" data_segs_in:(\d+)", seen)))


def _rows(proxy):
    return [row for name in haproxy.PROGRAM_OF for row in proxy.states(name).values()]
