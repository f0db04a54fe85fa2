"""router.yml itself on a router that only the test sees: what fails there leaves it as it was."""

import machine
import playbooks

#: A server's role by its address; with a port of 6000 nobody answers.
CHECK = """#!/bin/sh
[ "$1" != --version ] || exit 0
grep -q '^port = 6000$' "$CHECKPG_CONFIG" && exit 2
case $3 in
192.0.2.11) exit %d ;;
*) exit %d ;;
esac
"""
#: After one reload db3 is missing, after another it is back.
ROUTES = """#!/bin/sh
case $1 in
--json)
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


def play(router, **variables):
    return router.play(playbook=playbooks.ANSIBLE / "router.yml", variables={
        "ansible_connection": "local", "ansible_user": "root", "checkpg_package": "socat",
        "haproxy_patience": 2, "haproxy_manage_firewall": False, "keepalived_manage_firewall": False, **variables})


def as_before(etc, *names):
    return [name for name in names if (etc / name).read_text() != OLD[f"etc/{name}"]] == []


FILES = ("haproxy/haproxy.cfg", "checkpg/checkpg.conf", "checkpg/pgpass")


def test_settings_that_lose_a_server_are_refused_and_change_nothing():
    code, said, etc = play(older(), checkpg_check_port=6000)
    assert code != 0
    assert "db1.example.com answers checkpgprimary with 0 by the settings in place, and not by the new ones" in said
    assert "What this router runs with was not changed." in said
    assert as_before(etc, *FILES)
    assert not (etc / "checkpg/next").exists()


def test_a_router_that_does_not_route_as_before_gets_back_what_it_had():
    router = older()
    router.add("etc/haproxy/reload-is-bad", "")
    code, said, etc = play(router)
    assert code != 0
    assert "No longer routed to: db3.example.com" in said
    assert "It has what it had before" in said
    assert as_before(etc, *FILES)
    assert not (etc / "haproxy/checkpg-servers-down").exists()
    assert not (etc / "system/haproxy.service.d/checkpg.conf").exists()
    assert (etc / "told-systemctl").read_text().count("reload haproxy") == 2
    assert "The virtual IP]" not in said


def test_a_virtual_ip_that_leads_nowhere_gets_keepalived_what_it_had():
    """HAProxy's part is done by then, and stays."""
    code, said, etc = play(older())
    assert code != 0
    assert "The virtual IP's port answers" in said and "It has what it had before" in said
    assert "# older keepalived.conf" in (etc / "keepalived/keepalived.conf").read_text()
    assert not (etc / "system/keepalived.service.d/checkpg.conf").exists()
    assert "backend PostgresReadWrite-backend" in (etc / "haproxy/haproxy.cfg").read_text()
    assert (etc / "told-systemctl").read_text().count("reload keepalived") == 2


def test_a_first_run_without_the_other_router_is_refused():
    """It may have an older keepalived."""
    router = older()
    router.add("etc/keepalived/keepalived.conf", "vrrp_instance VI_1 {\n virtual_ipaddress {\n 192.0.2.20\n }\n}\n")
    code, said, etc = play(router)
    assert code != 0
    assert "an older one on router2.example.com would take the virtual IP, too: run it for all routers" in said.replace(
        "\\n", " ")
    assert as_before(etc, *FILES)
    assert "HAProxy and its checks" not in said
