#!/usr/bin/python3
"""The benchmark. Prints docs/performance.md, all of it, from what it measures.

    bench.py [--quick] [--output FILE]       --quick tries everything out in little

`cmake --build build/release --target bench` builds what it needs and runs it. Everything it
starts listens on loopback, belongs to it and ends with it.
"""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

import contenders  # noqa: E402
import page  # noqa: E402
import profiling  # noqa: E402
import watching  # noqa: E402
from contenders import (CONTENDERS, DYNAMIC, FLOOR, KEPT, OURS, PSQL, PSYCOPG2,  # noqa: E402
                        Ways)
from harness import checks, haproxy, keepers, scratch  # noqa: E402
from harness.postgres import Server  # noqa: E402
from measuring import cpu_seconds, helper, interleaved  # noqa: E402
from role_api import Patroni  # noqa: E402

#: What is not Python's own, with the package that has it.
NEEDED = {"valgrind": "valgrind", "curl": "curl", "openssl": "openssl", "haproxy": "haproxy",
          "etcd": "etcd-server", "patroni": "patroni"}


class Scale:
    """How much is measured: enough for a page, or (quick) only that it works."""

    def __init__(self, quick):
        self.quick = quick
        self.left_out = (DYNAMIC, PSYCOPG2) if quick else ()
        self.rounds = 1 if quick else 25
        self.ways = (Ways.NAMES[0], Ways.NAMES[-1]) if quick else Ways.NAMES
        self.server_checks = 2 if quick else 50
        self.watched = (2,) if quick else (10, 50, 150)
        self.watched_ways = ("trust",) if quick else ("trust", "SCRAM", "mTLS, P-256")
        self.watch_seconds = 2 if quick else 10
        self.peers = (0, 2) if quick else (0, 2, 4, 8)


#: What is tried out is what the tests' own packages are enough for.
NOT_NEEDED_TO_TRY = {"curl", "etcd", "patroni"}


def missing_packages(quick):
    path = f"/usr/sbin:/sbin:{os.defpath}"
    programs = NEEDED.keys() - (NOT_NEEDED_TO_TRY if quick else set())
    lacking = [NEEDED[program] for program in programs if not shutil.which(program, path=path)]
    if not quick and not importlib.util.find_spec("psycopg2"):
        lacking.append("python3-psycopg2")
    return sorted(lacking)


def compare(server, scale):
    """For each way to log in: {name of contender: (costs, instructions)}, and what one check of
    ours, direct and kept, costs the server in seconds of CPU."""
    ways = Ways(server)
    results, server_cpu = {}, {}
    for name in scale.ways:
        way = ways.enter(name)
        print(f"{name} ...", file=sys.stderr, flush=True)
        commands = {who: build(server, way) for who, build in CONTENDERS.items()
                    if (who != FLOOR or name == "trust") and who not in scale.left_out}
        with keepers.ended(server):
            costs = interleaved(commands, scale.rounds)
            results[name] = {who: (costs[who], command.instructions())
                             for who, command in commands.items()}
            server_cpu[name] = [cost_to_server(server, commands[who], scale.server_checks)
                                for who in (OURS, KEPT)]
    return results, server_cpu


def cost_to_server(server, command, count):
    begin = cpu_seconds(server.pid)
    for _ in range(count):
        command.run()
    time.sleep(0.2)  # the last ones end after their client
    return (cpu_seconds(server.pid) - begin) / count


def ask_role_api(server, scale):
    """The HTTP role API beside ours, by turns: (costs of both, instructions), Patroni's version."""
    print("role API ...", file=sys.stderr, flush=True)
    with Patroni() as patroni:
        curl = contenders.curl_script(patroni.port)
        costs = interleaved({"ours": contenders.ours(server, Ways(server).enter("trust")),
                             "curl": curl}, scale.rounds)
        return costs, curl.instructions(), patroni.version


def ask_peers(server, scale):
    """For 0, 2, 4, 8 peers and by trust and SCRAM: costs of a check of the primary."""
    print("peers ...", file=sys.stderr, flush=True)
    ways = Ways(server)
    results = {}
    for name in scale.ways[:2] if not scale.quick else scale.ways[:1]:
        way = ways.enter(name)
        commands = {}
        for count in scale.peers:
            peers = " ".join(f"{address}:{server.port}"
                             for address in watching.ADDRESSES[1:count + 1])
            commands[count] = contenders.ours(
                server, way, configuration=(
                    f"peers = {peers}\npeer-timeout = 25s\n" if count else ""))
        costs = interleaved(commands, scale.rounds)
        results[name] = {count: (costs[count], command.instructions(),
                                 cost_to_server(server, command, scale.server_checks))
                         for count, command in commands.items()}
    return results


def profile_tls(server, scale):
    """{way: profile()} of a build of checkpgprimary that has its names."""
    ways = Ways(server)
    return {name: profiling.profile(contenders.ours(server, ways.enter(name),
                                                  executable=helper("bench_named")))
            for name in Ways.NAMES if name.startswith("mTLS") and not scale.quick}


def watch_many(server, scale):
    """{(contender, way): [Watch]}. HAProxy's own check knows no way to log in but trust."""
    ways = Ways(server)
    script = scratch.directory("watch") / "psql.sh"
    script.write_text(contenders.psql_script_text(ways.enter("trust")))
    script.chmod(0o755)
    ours = watching.by_program("checkpgprimary")
    runs = [(PSQL, "trust", watching.by_program(str(script)), None),
            ("HAProxy's own tcp-check", "trust", watching.by_tcp_check, None)]
    for way in scale.watched_ways:
        files = contenders.jail_files(ways.enter(way), "timeout = 900ms\n")
        runs.append((OURS, way, ours, files))
        runs.append((KEPT, way, ours, contenders.with_keep(files)))
    results = {}
    for name, way, build, files in runs:
        ways.enter(way)
        results[name, way] = []
        for count in scale.watched:
            print(f"{name}, {way}: {count} servers ...", file=sys.stderr, flush=True)
            results[name, way].append(watching.watch(server, count, build, files=files,
                                                     seconds=scale.watch_seconds))
    return results


def versions(server):
    """What was measured with, by name."""
    def first_line(*command):
        return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]
    return {"checkpg": checks.run_check("checkpgprimary", "--version").stdout.splitlines(),
            "server": server.sql("SHOW server_version"),
            "haproxy": first_line(haproxy.executable(), "-v").split()[2]}


def measure(scale):
    settings = {"listen_addresses": ", ".join(watching.ADDRESSES), "max_connections": "400",
                "shared_buffers": "32MB"}
    with Server("db1", settings=settings).create() as server:
        measured = {}
        measured["compared"], measured["server_cpu"] = compare(server, scale)
        measured["api"] = None if scale.quick else ask_role_api(server, scale)
        measured["peers"] = ask_peers(server, scale)
        measured["profile"] = profile_tls(server, scale)
        measured["watched"] = watch_many(server, scale)
        measured["versions"] = versions(server)
        return measured


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only try everything out")
    parser.add_argument("--output", type=Path, help="write the page here, not to stdout")
    options = parser.parse_args()
    if lacking := missing_packages(options.quick):
        print(f"bench: install {' '.join(lacking)} (tests/install-packages bench does)",
              file=sys.stderr)
        return 1
    scratch.end_on_signals()
    text = page.write(measure(Scale(options.quick)))
    scratch.clean_up()
    if options.output:
        options.output.write_text(text)
    else:
        print(text, end="")
    return 0


sys.exit(main())
