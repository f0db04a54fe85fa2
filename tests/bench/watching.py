"""HAProxy with many servers: what it costs to have them all checked, every second, twice."""

import statistics
import time
from dataclasses import dataclass

from harness import haproxy
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
    checks_per_second: float
    median: float
    longest: float
    timeouts: int
    readings: int


def by_program(program):
    """HAProxy runs this executable for both backends."""
    def build(servers, configuration):
        files = {"checkpg.conf": configuration} if configuration is not None else None
        return haproxy.HAProxy(servers, interval="1s", files=files, chroot=files is not None,
                               server_options="rise 1 fall 2",
                               programs={name: program for name in haproxy.PROGRAM_OF})
    return build


def by_tcp_check(servers, _configuration):
    """HAProxy asks by itself. The primary's answer is what both backends want."""
    proxy = haproxy.HAProxy(servers, interval="1s", server_options="rise 1 fall 2",
                            programs={name: "/bin/true" for name in haproxy.PROGRAM_OF})
    text = proxy.configuration_file.read_text()
    text = text.replace("    option external-check\n", _TCP_CHECK)
    text = text.replace("    external-check command /bin/true\n", "")
    proxy.configuration_file.write_text(text)
    return proxy


def watch(server, count, build, *, seconds, configuration=None):
    """Lets HAProxy watch `count` servers for so long and returns a Watch."""
    targets = [haproxy.Target(f"db{number}", ADDRESSES[number % len(ADDRESSES)], server.port)
               for number in range(count)]
    proxy = build(targets, configuration)
    with proxy:
        wait_for(lambda: all(row["check_status"] not in ("", "INI") for row in _rows(proxy)),
                 "HAProxy to check every server", 30)
        begin = time.monotonic()
        before = cpu_seconds(proxy.pid), cpu_seconds(server.pid), server.log_position()
        durations, timeouts = [], 0
        while time.monotonic() < begin + seconds:
            # A pace of its own: readings at HAProxy's would see the same ones under way each time.
            time.sleep(0.7)
            rows = _rows(proxy)
            durations += [int(row["check_duration"]) for row in rows if row["check_duration"]]
            timeouts += sum(row["check_status"] in ("PROCTOUT", "L7TOUT", "L4TOUT")
                            for row in rows)
        span = time.monotonic() - begin
        after = cpu_seconds(proxy.pid), cpu_seconds(server.pid)
        sessions = server.log(before[2]).count("connection authorized")
    return Watch(count, (after[0] - before[0]) / span, (after[1] - before[1]) / span,
                 sessions / span, statistics.median(durations), max(durations), timeouts,
                 len(durations))


def _rows(proxy):
    return [row for name in haproxy.PROGRAM_OF for row in proxy.states(name).values()]
