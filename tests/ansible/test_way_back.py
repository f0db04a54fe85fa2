"""router.yml on a router that only the test sees: what fails there leaves it as it was."""

import json
import os

import pytest
import yaml
from harness import scratch

import machine
import playbooks

pytestmark = pytest.mark.versions("way back")

#: A server's role by its address; with a port of 6000 nobody answers.
CHECK = """#!/bin/sh
[ "$1" != --version ] || exit 0
grep -q '^port = 6000$' "$CHECKPG_CONFIG" && exit 2
case $3 in
192.0.2.11) exit %d ;;
*) exit %d ;;
esac
"""
#: After one reload db3 is missing, after another it is back. Servers may take few connections.
ROUTES = """#!/bin/sh
case $* in
*--ask*)
    [ ! -e /etc/haproxy/few-connections ] || echo '{"asked": [{"name": "db2.example.com", "max_connections": 50,
        "backends": ["PostgresReadWrite-backend", "PostgresReadOnly-backend"]}]}'
    exit 1
    ;;
esac
[ ! -e /etc/haproxy/routes-nothing ] || exit 2
case $1 in
--json)
    if grep -q Third-backend /etc/checkpg/checkpg.conf && ! grep -q 'reload haproxy' /etc/told-systemctl; then
        echo '{"summary": "HAProxy has no backend Third-backend"}'
        exit 3
    fi
    standbys='["db2.example.com", "db3.example.com"]' code=1
    if [ -e /etc/haproxy/reload-is-bad ] && [ "$(grep -c 'reload haproxy' /etc/told-systemctl)" = 1 ]; then
        standbys='["db2.example.com"]'
    fi
    echo "{\\"summary\\": \\"a warning\\", \\"primaries\\": [\\"db1.example.com\\"], \\"standbys\\": $standbys}"
    exit $code
    ;;
esac
"""
OLD = {"etc/haproxy/haproxy.cfg": "# older haproxy.cfg\n", "etc/checkpg/checkpg.conf": "port = 5432\n",
       "etc/checkpg/pgpass": "*:*:*:older:older\n", "usr/local/bin/checkpgprimary.sh": "# older script\n"}


def older():
    router = machine.Machine()
    for program, codes in (("checkpgprimary", (0, 1)), ("checkpgstandby", (1, 0))):
        router.add(f"usr/bin/{program}", CHECK % codes, 0o755)
    router.add("usr/bin/checkpgroutes", ROUTES, 0o755)
    router.add("var/lib/haproxy/stats", "")
    for path, text in OLD.items():
        router.add(path, text, 0o644 if "pgpass" not in path else 0o600)
    mark = "the virtual IP of a PostgreSQL router pair, by checkpg's role keepalived"
    router.add("etc/keepalived/keepalived.conf", f"# {mark}\n# older keepalived.conf\n")
    return router


def play(router, *plays, limit="router1.example.com", **variables):
    """Runs router.yml, or some of its plays, by their names."""
    directory = scratch.directory("ansible")
    for name in ("tasks", "files"):
        (directory / name).symlink_to(playbooks.PLAYBOOK.parent / name)
    wanted = [one for one in yaml.safe_load(playbooks.PLAYBOOK.read_text())
              if not plays or one["name"] in plays]
    assert len(wanted) == len(plays) or not plays
    (directory / "router.yml").write_text(yaml.safe_dump(wanted, sort_keys=False))
    return router.play(playbook=directory / "router.yml", limit=limit, variables={
        "ansible_connection": "local", "ansible_user": "root", "checkpg_package": "socat",
        "haproxy_patience": 2, "haproxy_manage_firewall": False, "keepalived_manage_firewall": False, **variables})


def as_before(etc, *names):
    return all((etc / name).read_text() == OLD[f"etc/{name}"] for name in names)


KNOW, HAPROXY, ADDRESS = "Know the routers", "HAProxy and its checks, one router after the other", "The virtual IP"
FILES = ("haproxy/haproxy.cfg", "checkpg/checkpg.conf", "checkpg/pgpass")


def test_settings_that_lose_a_server_are_refused_and_change_nothing():
    code, said, etc = play(older(), KNOW, HAPROXY, checkpg_check_port=6000)
    assert code != 0
    assert "db1.example.com answers checkpgprimary with 0 by the settings in place, and not by the new ones" in said
    assert "What this router runs with was not changed." in said
    assert as_before(etc, *FILES)
    assert not (etc / "checkpg/next").exists()


def test_more_sessions_than_a_server_takes_are_refused_before_haproxy_goes_by_anything_new():
    router = older()
    router.add("etc/haproxy/few-connections", "")
    router.add("etc/haproxy-worker", "")
    code, said, etc = play(router, KNOW, HAPROXY)
    assert code != 0
    assert "haproxy_rw_maxconn is 90, and db2.example.com takes 50 connections (max_connections)" in said
    assert "It has what it had before" in said
    assert as_before(etc, *FILES)
    assert "reload haproxy" not in (etc / "told-systemctl").read_text()


def test_a_router_that_does_not_route_as_before_gets_back_what_it_had():
    """Also where the checks' new settings name a backend that HAProxy does not have until it is reloaded."""
    router = older()
    router.add("etc/haproxy/reload-is-bad", "")
    usual = [{"name": "PostgresReadWrite", "to": "primary"}, {"name": "PostgresReadOnly", "to": "standbys"}]
    third = {"name": "Third", "to": "standbys", "port": 6432}
    code, said, etc = play(router, KNOW, HAPROXY, haproxy_services=[*usual, third])
    assert code != 0
    assert "No longer routed to: db3.example.com" in said
    assert "It has what it had before" in said
    assert as_before(etc, *FILES)
    assert not (etc / "haproxy/checkpg-servers-down").exists()
    assert not (etc / "system/haproxy.service.d/checkpg.conf").exists()
    assert (etc / "told-systemctl").read_text().count("reload haproxy") == 2


def test_a_haproxy_whose_routes_are_not_known_goes_by_its_older_files_again():
    """Its stats socket is elsewhere, or its backends have other names."""
    router = older()
    router.add("etc/haproxy/routes-nothing", "")
    code, said, etc = play(router, KNOW, HAPROXY)
    assert code != 0
    assert "It has what it had before" in said
    assert as_before(etc, *FILES)
    assert (etc / "told-systemctl").read_text().count("reload haproxy") == 2


def test_a_router_that_did_not_run_before_is_said_to_stay_as_it_is():
    router = older()
    router.add("etc/haproxy/routes-nothing", "")
    router.add("etc/haproxy-stopped", "")
    code, said, etc = play(router, KNOW, HAPROXY)
    assert code != 0
    assert "Its files are those of before, and HAProxy, which did not run, is as the failure left it" in said
    assert as_before(etc, *FILES)


OLD_KEEPALIVED = "vrrp_instance VI_1 {\n virtual_ipaddress {\n 192.0.2.20\n }\n}\n"


def test_a_take_over_that_fails_leaves_the_older_keepalived_on_every_router():
    """Both routers are the same one here: the second one's keepalived is stopped, and started again."""
    router = older()
    router.add("etc/keepalived/keepalived.conf", OLD_KEEPALIVED)
    code, said, etc = play(router, KNOW, ADDRESS, limit="all")
    assert code != 0
    assert "The virtual IP's ports answer" in said and "It has what it had before" in said
    told = (etc / "told-systemctl").read_text().splitlines()
    words = [line for line in told if line.endswith(" keepalived") and line != "show keepalived"]
    assert words == ["disable keepalived", "stop keepalived", "enable keepalived", "start keepalived",
                     "restart keepalived", "restart keepalived"]
    assert (etc / "keepalived/keepalived.conf").read_text() == OLD_KEEPALIVED
    assert said.count("PLAY [The virtual IP]") == 1


def test_a_first_run_without_the_other_router_is_refused():
    """It may have an older keepalived."""
    router = older()
    router.add("etc/keepalived/keepalived.conf", OLD_KEEPALIVED)
    code, said, etc = play(router, KNOW, HAPROXY)
    assert code != 0
    assert "an older one on router2.example.com would take the virtual IP, too: run it for all routers" in said.replace(
        "\\n", " ")
    assert as_before(etc, *FILES)
    assert HAPROXY not in said


ON_LO = "1: lo    inet 192.0.2.20/32 scope global lo"


@pytest.mark.parametrize("put_back, prefix, gone", [
    (False, 24, True), (False, 32, False), (True, 24, True), (True, 32, True), (True, None, False)])
def test_what_was_held_by_hand_goes_when_keepalived_has_the_address(put_back, prefix, gone):
    """An older keepalived that is put back may have another prefix; one that is only on lo is held by hand."""
    directory = scratch.directory("let-go")
    lines = [ON_LO] + ([f"2: eth0    inet 192.0.2.20/{prefix} scope global eth0"] if prefix else [])
    program = directory / "ip"
    program.write_text("#!/bin/sh\ncase $* in\n*delete*) touch %s/gone ;;\n*) printf '%%s\\n' %s ;;\nesac\n"
                       % (directory, " ".join(f"'{line}'" for line in lines)))
    program.chmod(0o755)
    code, said = playbooks.run(
        ["ansible-playbook", "-i", playbooks.example_in(directory) / "hosts", playbooks.HERE / "let_go.yml",
         "--vault-password-file", playbooks.vault_password_file(directory),
         "-e", json.dumps({"put_back": put_back, "keepalived_patience": 1})],
        directory, PATH=f"{directory}:{os.environ['PATH']}")
    assert (code == 0) == gone, said
    assert (directory / "gone").exists() == gone
