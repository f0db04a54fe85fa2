"""docs/performance.md as text: what was measured, in tables, and which budgets hold."""

import platform
import re
from pathlib import Path

from contenders import FLOOR, KEPT, OURS
from measuring import median, ratio
from profiling import PARTS

#: Budgets on a whole check: most instructions, by way to log in.
INSTRUCTIONS = {"trust": 1.2e6, "SCRAM": 40e6, "mTLS, P-256": 25e6, "mTLS, RSA-2048": 25e6}
#: And on one over a kept connection, whatever the log-in; the server's CPU; a keeper's own memory.
KEPT_INSTRUCTIONS = 0.6e6
KEPT_SERVER_CPU = 0.2e-3
KEEPER_KILOBYTES = 1024
FLOOR_RATIO = 1.15
MEMORY = 4 * 2**20

NOTES = Path(__file__).with_name("tried.md")


def write(measured):
    """The whole page."""
    parts = [_introduction(measured), _one_check(measured), _role_api(measured["api"]),
             _budgets(measured), _haproxy(measured["watched"]),
             _server(measured["server_cpu"]), _peers(measured["peers"]), _profile(measured["profile"]),
             NOTES.read_text()]
    return "\n".join(part.strip() + "\n" for part in parts if part)


def _introduction(measured):
    versions = measured["versions"]
    return f"""
# Performance

Written by the benchmark: every figure of the tables is from one run on one machine. To reproduce:

    tests/install-packages build test bench
    cmake --preset release && cmake --build build/release --target bench

Machine: {_processor()}, {_cores()} cores shared with other work, Linux {_kernel()}, {_system()};
PostgreSQL {versions["server"].split()[0]}, HAProxy {versions["haproxy"]};
{", ".join(versions["checkpg"])}.
Load average at the end: {_load()}; other work disturbs wall times and their
ratios; CPU, memory and instructions are what to compare.

Everything is on loopback and the server is idle otherwise: a network adds its round trips, which
are the same for all who log in. Contenders run by turns (A B C, A B C, ...). Wall time is a median,
a ratio is the median of the ratios within each turn. CPU is user and system time of a process and
its children; memory is the peak of the largest process; instructions are those in user space,
counted by callgrind, of all processes together.
"""


def _one_check(measured):
    lines = ["""
## One check

`floor` is a C program that writes the same bytes to a socket and knows nothing else. `dynamic` is
checkpgprimary built against the system's shared libraries. psql is the real binary, in a bash
script as sites use it; `kept` finds the connection of an earlier check (`keep`). Where there is TLS,
all verify the server's certificate by name (verify-full); all keys, the authority's too, are of the
kind named. The password is in a password file."""]
    for way, results in measured["compared"].items():
        base = FLOOR if FLOOR in results else OURS
        lines += ["", f"### {way}", "",
                  f"| | wall, ms | to {base} | CPU, ms | memory, MiB | instructions, M |",
                  "|---|--:|--:|--:|--:|--:|"]
        for who, (costs, instructions) in results.items():
            lines.append(_row(who, costs, results[base][0], instructions))
    return "\n".join(lines)


def _row(who, costs, base, instructions):
    return (f"| {who} | {_ms(median(costs, 'wall'))} | {ratio(costs, base):.2f} | "
            f"{_ms(median(costs, 'cpu'))} | {median(costs, 'memory') / 2**20:.1f} | "
            f"{_millions(instructions)} |")


def _role_api(api):
    if api is None:
        return ""
    costs, instructions, version = api
    return f"""
### A role API over HTTP

curl in a bash script asks Patroni {version}, which knows the role of its own server; without
password or TLS. What Patroni itself and its query to PostgreSQL cost is not counted.

| | wall, ms | to {OURS} by trust | CPU, ms | memory, MiB | instructions, M |
|---|--:|--:|--:|--:|--:|
{_row("curl in a shell script", costs["curl"], costs["ours"], instructions)}
"""


def _budgets(measured):
    compared = measured["compared"]
    lines = ["""
## Budgets

| what | budget | measured | |
|---|--:|--:|---|"""]
    for way, (costs, instructions) in ((way, results[OURS]) for way, results in compared.items()):
        if FLOOR in compared[way]:
            found = ratio(costs, compared[way][FLOOR][0])
            lines.append(f"| {way}: wall, to the floor | {FLOOR_RATIO} | {found:.2f} | "
                         f"{_holds(found <= FLOOR_RATIO)} |")
            memory = median(costs, "memory")
            lines.append(f"| {way}: peak memory | {MEMORY / 2**20:.0f} MiB | "
                         f"{memory / 2**20:.1f} MiB | {_holds(memory <= MEMORY)} |")
        if way in INSTRUCTIONS:
            lines.append(f"| {way}: instructions | {_millions(INSTRUCTIONS[way])} M | "
                         f"{_millions(instructions)} M | "
                         f"{_holds(instructions <= INSTRUCTIONS[way])} |")
    most = max(results[KEPT][1] for results in compared.values())
    lines.append(f"| kept, the costliest log-in: instructions | {_millions(KEPT_INSTRUCTIONS)} M | "
                 f"{_millions(most)} M | {_holds(most <= KEPT_INSTRUCTIONS)} |")
    most = max(kept for _, kept in measured["server_cpu"].values())
    lines.append(f"| kept, the costliest log-in: the server's CPU | {_ms(KEPT_SERVER_CPU)} ms | "
                 f"{_ms(most)} ms | {_holds(most <= KEPT_SERVER_CPU)} |")
    seen = [memory for watches in measured["watched"].values() for watch in watches
            for memory in watch.keepers]
    found = "not seen: it takes CAP_SYS_PTRACE | " if None in seen else (
        f"{max(seen)} kB | {_holds(max(seen) <= KEEPER_KILOBYTES)}")
    lines.append(f"| the largest keeper: memory of its own | {KEEPER_KILOBYTES} kB | {found} |")
    return "\n".join(lines)


def _haproxy(watched):
    lines = ["""
## HAProxy with many servers

One PostgreSQL under many loopback addresses, two backends, `inter 1s`: two checks per
server and second are wanted; fewer are done where the cores are not enough. `kept` is checkpgprimary
with `keep = 60s`. CPU is in percent of one core: HAProxy with all its checks and their keepers, and
PostgreSQL apart, which here shares the machine with HAProxy. Lines are those of PostgreSQL's log, with
`log_connections` and `log_disconnections`. A check that HAProxy ended after one second is a time-out.
`check_duration` of `show stat` was read every 0.7 s. Keepers: how many, and the memory of all of them
that is no other's (`Anonymous` in smaps_rollup).

| check | log-in | servers | checks/s | HAProxy, CPU | PostgreSQL, CPU | log, lines/s | median, ms \
| longest, ms | time-outs | keepers | their memory, MiB |
|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"""]
    for (name, way), watches in watched.items():
        for watch in watches:
            lines.append(f"| {name} | {way} | {watch.servers} | {watch.checks_per_second:.0f} | "
                         f"{watch.haproxy_cpu:.1%} | {watch.postgres_cpu:.1%} | "
                         f"{watch.log_lines:.0f} | {watch.median:.0f} | {watch.longest} | "
                         f"{watch.timeouts / watch.readings:.0%} | {len(watch.keepers)} | "
                         f"{_mebibytes(watch.keepers)} |")
    lines += ["""
HAProxy's own tcp-check sends a start-up message and the query as bytes and compares the answer with
bytes: no password, no TLS, no comparing of servers, no reason in the log."""]
    return "\n".join(lines)


def _server(server_cpu):
    rows = "\n".join(f"| {way} | {_ms(direct)} | {_ms(kept)} |"
                     for way, (direct, kept) in server_cpu.items())
    return f"""
## What one check costs the server

CPU of PostgreSQL per check, user and system: a new backend process each time is most of it, and TLS
and SCRAM cost the server as they cost the client. A kept connection (`keep`) has its backend.

| log-in | CPU, ms | kept |
|---|--:|--:|
{rows}
"""


def _peers(peers):
    lines = ["""
## Peers

A check of a primary that asks its peers, too. All of them answer at once, and all are one server.

| log-in | peers | wall, ms | to none | CPU, ms | instructions, M | servers' CPU, ms |
|---|--:|--:|--:|--:|--:|--:|"""]
    for way, results in peers.items():
        alone = results[0][0]
        for count, (costs, instructions, server_cpu) in results.items():
            lines.append(f"| {way} | {count} | {_ms(median(costs, 'wall'))} | "
                         f"{ratio(costs, alone):.2f} | {_ms(median(costs, 'cpu'))} | "
                         f"{_millions(instructions)} | {_ms(server_cpu)} |")
    return "\n".join(lines)


def _profile(profiles):
    if not profiles:
        return ""
    lines = ["""
## TLS: where the instructions go

checkpgprimary with the names of its functions, by callgrind; a part includes all it calls.
""", f"| part, M instructions | {' | '.join(profiles)} |", "|---|" + "--:|" * len(profiles)]
    for function, what in PARTS.items():
        counts = [_millions(found.get(function, 0)) for found in profiles.values()]
        lines.append(f"| {what} (`{function}`) | {' | '.join(counts)} |")
    rest = [_millions(2 * found["total"] - sum(found.values())) for found in profiles.values()]
    totals = [_millions(found["total"]) for found in profiles.values()]
    lines += [f"| everything else | {' | '.join(rest)} |", f"| all | {' | '.join(totals)} |"]
    return "\n".join(lines)


def _ms(seconds):
    return f"{seconds * 1000:.2f}"


def _mebibytes(kilobytes):
    return "not seen" if None in kilobytes else f"{sum(kilobytes) / 1024:.1f}"


def _millions(count):
    return f"{count / 1e6:.2f}" if count < 10e6 else f"{count / 1e6:.1f}"


def _holds(good):
    return "holds" if good else "**does not hold**"


def _processor():
    found = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.M)
    return found[1] if found else platform.machine()


def _cores():
    return len(re.findall(r"^processor\b", Path("/proc/cpuinfo").read_text(), re.M))


def _load():
    return " ".join(Path("/proc/loadavg").read_text().split()[:3])


def _kernel():
    return ".".join(platform.release().split("-")[0].split(".")[:2])


def _system():
    return platform.freedesktop_os_release()["PRETTY_NAME"]
