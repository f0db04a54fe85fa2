"""docs/replacing-pgroute66.md: the scripts' old names as links, and compare-checks beside scripts
that ask a daemon, as a site has them before it changes over."""

import http.server
import json
import os
import re
import subprocess
import threading

import pytest
from harness import scratch
from harness.checks import REPOSITORY, public_copy
from harness.haproxy import HAProxy, READ_ONLY, READ_WRITE

UP, DOWN = ("UP", "PROCOK", 0), ("DOWN", "PROCERR", 1)

COMPARE = ["bash", REPOSITORY / "docs/examples/compare-checks"]

SCRIPT = """#!/bin/bash
PATH=/usr/bin:/bin # HAProxy gives none
curl --silent --max-time 5 http://127.0.0.1:{port}/{what} |
    grep --quiet "\\"$HAPROXY_SERVER_NAME\\""
"""


@pytest.fixture
def executables():
    """A directory with the executables, as /usr/bin is."""
    directory = scratch.directory("bin")
    for name in ("checkpgprimary", "checkpgstandby"):
        public_copy(name, directory)
    return directory


@pytest.fixture
def daemon():
    """Says over HTTP what `roles` has: what the scripts believe."""
    roles = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(roles[self.path.strip("/")]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1], roles
        server.shutdown()
        thread.join()


@pytest.fixture
def scripts(daemon):
    """The directory of the old scripts."""
    directory = scratch.directory("local-bin")
    for program, what in {"checkpgprimary": "primaries", "checkpgstandby": "standbys"}.items():
        path = directory / f"{program}.sh"
        path.write_text(SCRIPT.format(port=daemon[0], what=what))
        path.chmod(0o755)
    return directory


def programs(directory):
    return {READ_WRITE: str(directory / "checkpgprimary.sh"),
            READ_ONLY: str(directory / "checkpgstandby.sh")}


def compare(proxy, *directories):
    """(exit code, lines without their time) of compare-checks about HAProxy's servers."""
    run = subprocess.run([*COMPARE, *directories],
                         input=proxy.command("show servers state"), capture_output=True, text=True,
                         timeout=60)
    assert run.stderr == ""
    return run.returncode, [re.sub(r"^[\d:]{8} ", "", line) for line in run.stdout.splitlines()]


def test_links_under_the_scripts_old_names_route_the_same(primary, standbys, executables):
    links = scratch.directory("local-bin")
    for name in ("checkpgprimary", "checkpgstandby"):
        (links / f"{name}.sh").symlink_to(executables / name)
    with HAProxy([primary, *standbys], programs=programs(links)) as proxy:
        proxy.wait_for_results(READ_WRITE, {"db1": UP, "db2": DOWN, "db3": DOWN})
        proxy.wait_for_results(READ_ONLY, {"db1": DOWN, "db2": UP, "db3": UP})


def test_scripts_that_agree(primary, standbys, executables, scripts, daemon):
    daemon[1].update(primaries=["db1"], standbys=["db2", "db3"])
    with HAProxy([primary, *standbys], programs=programs(scripts)) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2", "db3"])
        assert compare(proxy, scripts, executables) == (0, ["6 compared, 0 different"])


def test_scripts_that_are_wrong(primary, standbys, executables, scripts, daemon):
    daemon[1].update(primaries=["db2"], standbys=["db3"])
    with HAProxy([primary, *standbys], programs=programs(scripts)) as proxy:
        assert compare(proxy, scripts, executables) == (1, [
            "PostgresReadWrite-backend/db1: checkpgprimary.sh says 1, checkpgprimary says 0",
            "PostgresReadWrite-backend/db2: checkpgprimary.sh says 0, checkpgprimary says 1",
            "PostgresReadOnly-backend/db2: checkpgstandby.sh says 1, checkpgstandby says 0",
            "6 compared, 3 different"])


def test_switching_by_a_link_needs_no_reload(primary, standbys, executables, scripts, daemon):
    daemon[1].update(primaries=["db1"], standbys=["db2"])
    with HAProxy([primary, *standbys], programs=programs(scripts)) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2"])
        script = scripts / "checkpgstandby.sh"
        kept = script.rename(scripts / "checkpgstandby.sh.pgroute66")
        script.symlink_to(executables / "checkpgstandby")
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2", "db3"])
        os.replace(kept, script)
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2"])


def test_no_servers_is_no_agreement(scripts, executables):
    run = subprocess.run([*COMPARE, scripts, executables],
                         input="", capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "compare-checks: no server in what HAProxy says\n"
