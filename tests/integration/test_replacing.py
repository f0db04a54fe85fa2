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
from harness.haproxy import HAProxy, READ_ONLY, READ_WRITE, executable

UP, DOWN = ("UP", "PROCOK", 0), ("DOWN", "PROCERR", 1)

PAGE = REPOSITORY / "docs/replacing-pgroute66.md"

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


class Router:
    """A directory with a router's files below it, in which commands of the page run. It has no units: what is said
    to them is in `told`."""

    SCRIPTS = "usr/local/bin"
    CFG = "etc/haproxy/haproxy.cfg"
    KEEPALIVED = "etc/keepalived/keepalived.conf"

    def __init__(self):
        self.root = scratch.directory("router")
        for role in ("primary", "standby"):
            self.write(f"{self.SCRIPTS}/checkpg{role}.sh", f"the old script for {role}")
        self.write(self.CFG, (REPOSITORY / "docs/examples/haproxy.cfg").read_text())

    @property
    def told(self):
        return self.read("told").splitlines()

    def read(self, name):
        return (self.root / name).read_text()

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def scripts(self):
        """{name: what it is} of all in the scripts' directory."""
        return {path.name: str(path.readlink()) if path.is_symlink() else path.read_text()
                for path in (self.root / self.SCRIPTS).iterdir()}

    def follow(self, heading, first=""):
        """Runs the commands below a heading that begin so."""
        text = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", PAGE.read_text(), re.M | re.S)[1]
        blocks = re.findall(r"(?:^ {4}.*\n)+", text, re.M)
        commands, = (block for block in blocks if block.lstrip().startswith(first))
        commands = re.sub(r"(?<= )/etc/|(?<=cd )/usr/", lambda path: f"{self.root}{path[0]}", commands)
        subprocess.run(["bash", "-euc", f"""
            sudo() {{ "$@"; }}
            systemctl() {{ echo "$*" >>{self.root}/told; }}
            haproxy() {{ {executable()} "$@"; }}
            {commands}"""], check=True, timeout=60)


@pytest.fixture
def router():
    return Router()


def test_the_commands_for_the_switch_and_the_way_back(router):
    before = router.scripts()
    router.follow("3. Switch, one router at a time, the passive one first", "cd /usr/local/bin")
    assert router.scripts() == {
        **{f"{name}.pgroute66": script for name, script in before.items()},
        "checkpgprimary.sh": "/usr/bin/checkpgprimary", "checkpgstandby.sh": "/usr/bin/checkpgstandby"}
    router.follow("Going back")
    assert router.scripts() == before


OLDER_CFG = """defaults
    timeout client 1s
frontend PostgresReadWrite-frontend
    mode tcp
    bind 127.0.0.1:5432
"""


@pytest.fixture
def router_of_the_playbook(router):
    """A run of it leaves the links, the old scripts beside them, and the older haproxy.cfg and keepalived.conf."""
    router.write(f"{router.CFG}.7.2026-11-20@10:00:00~", OLDER_CFG)
    router.follow("3. Switch, one router at a time, the passive one first", "cd /usr/local/bin")
    router.write(router.CFG, (REPOSITORY / "docs/examples/haproxy.cfg").read_text())
    for name, text, age in (("keepalived.conf", "the new one", 0),
                            ("keepalived.conf.7.2026-11-20@10:00:00~", "the older one", 60),
                            ("keepalived.conf.8.2025-11-20@10:00:00~", "one older still", 120)):
        router.write(f"etc/keepalived/{name}", text)
        seconds = 1_800_000_000 - age
        os.utime(router.root / "etc/keepalived" / name, (seconds, seconds))
    return router


def test_the_commands_that_go_back_to_the_scripts_under_the_playbooks_haproxy(router_of_the_playbook):
    router = router_of_the_playbook
    router.follow("Going back after the playbook", "sudo systemctl enable")
    assert set(router.scripts().values()) == {"the old script for primary", "the old script for standby"}
    assert re.findall(r"external-check command (.*)", router.read(router.CFG)) == [
        "/usr/local/bin/checkpgprimary.sh", "/usr/local/bin/checkpgstandby.sh"]
    subprocess.run([executable(), "-c", "-q", "-f", router.root / router.CFG], check=True, timeout=60)
    assert router.told == ["enable --now pgroute66", "reload haproxy"]


def test_the_commands_that_go_back_to_the_older_haproxy_and_keepalived(router_of_the_playbook):
    router = router_of_the_playbook
    router.follow("Going back after the playbook", "sudo systemctl stop")
    assert router.read(router.CFG) == OLDER_CFG
    assert router.read(router.KEEPALIVED) == "the older one"
    assert router.told == ["stop keepalived", "reload haproxy"]
