"""docs/replacing-pgroute66.md: the scripts' old names as links, and compare-checks beside scripts
that ask PgRoute66, as a site has them before it changes over."""

import os
import re
import subprocess
import urllib.error
import urllib.request

import pytest
from harness import scratch
from harness.checks import REPOSITORY, public_copy
from harness.haproxy import HAProxy, READ_ONLY, READ_WRITE, Target, executable
from harness.pgroute66 import Daemon
from harness.postgres import Server
from harness.waiting import wait_for

UP, DOWN, ENDED = ("UP", "PROCOK", 0), ("DOWN", "PROCERR", 1), ("DOWN", "PROCTOUT")

PAGE = REPOSITORY / "docs/replacing-pgroute66.md"

COMPARE = ["bash", REPOSITORY / "docs/examples/compare-checks"]


@pytest.fixture
def executables():
    """A directory with the executables, as /usr/bin is."""
    directory = scratch.directory("bin")
    for name in ("checkpgprimary", "checkpgstandby"):
        public_copy(name, directory)
    return directory


@pytest.fixture
def daemon(primary, standbys):
    with Daemon([primary, *standbys]) as daemon:
        yield daemon


def programs(directory):
    return {READ_WRITE: str(directory / "checkpgprimary.sh"),
            READ_ONLY: str(directory / "checkpgstandby.sh")}


def compare(proxy, *directories, limit=20):
    """(exit code, lines without their time) of compare-checks about HAProxy's servers."""
    run = subprocess.run([*COMPARE, *directories, str(limit)],
                         input=proxy.command("show servers state"), capture_output=True, text=True,
                         timeout=60)
    assert run.stderr == ""
    return run.returncode, [re.sub(r"^[\d:]{8} ", "", line) for line in run.stdout.splitlines()]


def said(daemon, path):
    """(status, body) of the daemon's answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{daemon.port}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def renamed(name, server):
    """The server under another name."""
    return Target(name, server.address, server.port)


def test_links_under_the_scripts_old_names_route_the_same(primary, standbys, executables):
    links = scratch.directory("local-bin")
    for name in ("checkpgprimary", "checkpgstandby"):
        (links / f"{name}.sh").symlink_to(executables / name)
    with HAProxy([primary, *standbys], programs=programs(links)) as proxy:
        proxy.wait_for_results(READ_WRITE, {"db1": UP, "db2": DOWN, "db3": DOWN})
        proxy.wait_for_results(READ_ONLY, {"db1": DOWN, "db2": UP, "db3": UP})


def test_what_the_scripts_are_told(primary, daemon):
    assert said(daemon, "/v1/primary?group=PostgresReadWrite") == (200, '"db1"')
    assert said(daemon, "/v1/standbys") == (200, '[\n    "db2",\n    "db3"\n]')
    for group in ("postgresreadwrite", ""):
        assert said(daemon, f"/v1/primary?group={group}") == (404, '""')
        assert said(daemon, f"/v1/standbys?group={group}") == (200, "null")
    primary.restart()
    # The connection was kept, and that it has broken it learns by asking.
    assert said(daemon, "/v1/primary") == (404, '""')
    assert said(daemon, "/v1/primary") == (200, '"db1"')


@pytest.mark.parametrize("password, answer", [("right, ü", (200, '"db1"')), ("wrong", (404, '""'))])
def test_a_password_in_base64(primary, password, answer):
    primary.set_password("right, ü")
    primary.authenticate("scram-sha-256")
    with Daemon([primary], password) as daemon:
        assert said(daemon, "/v1/primary") == answer


def test_scripts_that_agree(primary, standbys, executables, daemon):
    scripts = daemon.scripts()
    with HAProxy([primary, *standbys], programs=programs(scripts)) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2", "db3"])
        assert compare(proxy, scripts, executables) == (0, ["6 compared, 0 different"])
        daemon.close()
        proxy.wait_for_results(READ_WRITE, dict.fromkeys(("db1", "db2", "db3"), DOWN))
        proxy.wait_for_results(READ_ONLY, dict.fromkeys(("db1", "db2", "db3"), DOWN))


def test_scripts_whose_daemon_has_another_list(primary, standbys, executables):
    wrong = [renamed("db1", standbys[0]), renamed("db2", primary)]
    with Daemon(wrong) as daemon, HAProxy([primary, *standbys]) as proxy:
        assert compare(proxy, daemon.scripts(), executables) == (1, [
            "PostgresReadWrite-backend/db1: checkpgprimary.sh says 1, checkpgprimary says 0",
            "PostgresReadWrite-backend/db2: checkpgprimary.sh says 0, checkpgprimary says 1",
            "PostgresReadOnly-backend/db1: checkpgstandby.sh says 0, checkpgstandby says 1",
            "PostgresReadOnly-backend/db2: checkpgstandby.sh says 1, checkpgstandby says 0",
            "PostgresReadOnly-backend/db3: checkpgstandby.sh says 1, checkpgstandby says 0",
            "6 compared, 5 different"])


def test_a_script_takes_a_part_of_a_name_for_the_name(primary, standbys, executables):
    servers = [primary, renamed("db10", standbys[0])]
    with Daemon(servers) as daemon, HAProxy(servers) as proxy:
        assert compare(proxy, daemon.scripts(), executables) == (1, [
            "PostgresReadOnly-backend/db1: checkpgstandby.sh says 0, checkpgstandby says 1",
            "4 compared, 1 different"])


def test_two_primaries_are_none_to_a_script_and_need_peers_here(primary, executables):
    with (Server("db4").create() as other, Daemon([primary, other]) as daemon,
          HAProxy([primary, other]) as proxy):
        assert said(daemon, "/v1/primary") == (409, '""')
        assert compare(proxy, daemon.scripts(), executables) == (1, [
            "PostgresReadWrite-backend/db1: checkpgprimary.sh says 1, checkpgprimary says 0",
            "PostgresReadWrite-backend/db4: checkpgprimary.sh says 1, checkpgprimary says 0",
            "4 compared, 2 different"])


def test_a_server_that_hangs_takes_all_that_its_daemon_lists_with_it(primary, standby, executables):
    with Daemon([primary, standby]) as daemon:
        scripts = daemon.scripts()
        with HAProxy([primary], programs=programs(scripts)) as proxy:
            proxy.wait_for_routes(readwrite=["db1"], readonly=[])
            standby.freeze()
            try:
                wait_for(lambda: proxy.results(READ_WRITE)["db1"][:2] == ENDED, "the primary to be down")
                assert compare(proxy, scripts, executables, limit=2) == (1, [
                    "PostgresReadWrite-backend/db1: checkpgprimary.sh says 124, checkpgprimary says 0",
                    "2 compared, 1 different"])
            finally:
                standby.thaw()
            proxy.wait_for_routes(readwrite=["db1"], readonly=[])


def test_switching_by_a_link_needs_no_reload(primary, standbys, executables):
    with Daemon([primary, standbys[0]]) as daemon:
        scripts = daemon.scripts()
        with HAProxy([primary, *standbys], programs=programs(scripts)) as proxy:
            proxy.wait_for_routes(readwrite=["db1"], readonly=["db2"])
            script = scripts / "checkpgstandby.sh"
            kept = script.rename(scripts / "checkpgstandby.sh.pgroute66")
            script.symlink_to(executables / "checkpgstandby")
            proxy.wait_for_routes(readwrite=["db1"], readonly=["db2", "db3"])
            os.replace(kept, script)
            proxy.wait_for_routes(readwrite=["db1"], readonly=["db2"])


def test_no_servers_is_no_agreement(executables):
    run = subprocess.run([*COMPARE, executables, executables],
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
