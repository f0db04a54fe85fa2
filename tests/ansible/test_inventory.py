"""A wrong inventory: router.yml fails before it reaches for a machine, and says what to change."""

import sys

import pytest
import yaml
from harness.checks import REPOSITORY

import playbooks

sys.path.insert(0, str(REPOSITORY / "ansible/plugins/filter"))
import router_problems  # noqa: E402
import router_services  # noqa: E402

SERVERS = [{"name": f"db{n}.example.com", "address": f"192.0.2.1{n}", "port": 5432} for n in (1, 2, 3)]


def changed(number, **change):
    """The servers, one of them changed."""
    return [{**server, **change} if n == number else server for n, server in enumerate(SERVERS, 1)]


@pytest.mark.versions("refusals")
def test_a_right_inventory_leads_to_the_machines():
    said, reached = playbooks.router()
    assert reached
    assert "UNREACHABLE" in said


@pytest.mark.versions("refusals")
def test_who_connects_becomes_root():
    python = {"ansible_python_interpreter": "/usr/bin/python3"}  # or the first command asks for one
    command = playbooks.first_command_of_router({"ansible_user": "deployer", **python})
    assert "User=\"deployer\"" in command
    assert "sudo -H -S -n -u root" in " ".join(command.split())
    assert "sudo" not in playbooks.first_command_of_router({"ansible_user": "root", **python})


def test_only_the_look_at_the_inventory_is_anyones():
    plays = yaml.safe_load(playbooks.PLAYBOOK.read_text())
    assert [play.get("become", False) for play in plays] == [False, True, True, True, True]


@pytest.mark.versions("refusals")
@pytest.mark.versions("argument specs")
@pytest.mark.parametrize("variables, sentence", [
    ({"postgresql_vip_ip": ""}, "postgresql_vip_ip is not set: give the virtual IP"),
    ({"postgresql_vip_ip": "192.0.3.20"}, "postgresql_vip_ip (192.0.3.20) is not in postgresql_subnet (192.0.2.0/24)"),
    ({"postgresql_vip_ip": "192.0.2.12"}, "postgresql_vip_ip (192.0.2.12) is the address of db2.example.com"),
    ({"haproxy_rw_backends": []}, "haproxy_rw_backends is empty: list every server"),
    ({"haproxy_ro_backends": changed(2, address="192.0.2.11")},
     "haproxy_ro_backends, entry 2 repeats the address 192.0.2.11"),
    ({"haproxy_rw_backends": changed(3, address="192.0.2.311")},
     "has the address '192.0.2.311', which is no IP address"),
    ({"checkpg_timeout": "1s"}, "checkpg_timeout (1s) is not below haproxy_inter (1s)"),
    ({"checkpg_keep": "60"}, "checkpg_keep is '60': give a time from 1s to 1h"),
    ({"checkpg_password": ""}, "checkpg_password is not set, and no checkpg_client_certificate either"),
    ({"keepalived_virtual_router_id": 256}, "keepalived_virtual_router_id is 256: give a number from 1 to 255"),
    ({"checkpg_sslmode": "full"}, "value of checkpg_sslmode must be one of: disable, allow, prefer"),
    ({"haproxy_manage_firewall": "maybe"}, "haproxy_manage_firewall"),
    ({"haproxy_ro_backends": changed(2, adress="192.0.2.12")}, "adress. Supported parameters include: address"),
    ({"haproxy_rwport": 5432}, "haproxy_rwport is not a variable of these roles: is haproxy_rw_port meant?"),
    ({"keepalived_intreface": "ens160"}, "is keepalived_interface meant?"),
    ({"checkpg_key": "60s"}, "checkpg_key is not a variable of these roles"),
    ({"keepalived_patience": "long"}, "keepalived_patience"),
])
def test_a_wrong_one_does_not(variables, sentence):
    said, reached = playbooks.router(variables)
    assert sentence in said
    assert not reached


def test_one_router_is_enough_and_it_is_said():
    said, reached = playbooks.router(hosts="[router]\nrouter1.example.com\n")
    assert "The group router has one host" in said
    assert reached


def services(*more, **told):
    """The usual two and more, completed as the roles do it."""
    told = {"haproxy_rw_backends": SERVERS, "haproxy_ro_backends": SERVERS, "haproxy_rw_port": 5432,
            "haproxy_ro_port": 5433, "haproxy_bind_address": "*", "checkpg_check_port": 5432, **told}
    usual = [{"name": "PostgresReadWrite", "to": "primary"}, {"name": "PostgresReadOnly", "to": "standbys"}]
    return router_services.complete_services(usual + list(more), told)


def haproxy(*more, **told):
    return {"services": services(*more, **told)}


def checkpg(*more, **told):
    return {**haproxy(*more, **told), "clusters": router_services.clusters_of(services(*more, **told))}


def login(clusters=(), **main):
    names = ("role", "dbname", "sslmode", "password", "client_certificate", "client_key", "root_certificate")
    return {"checkpg_clusters": clusters,
            "logins": router_services.logins(clusters, {**dict.fromkeys(names, ""), "password": "secret", **main})}


ORDERS = {"name": "OrdersReadWrite", "to": "primary", "port": 6001, "cluster": "orders",
          "servers": [{"name": "o1.example.com", "address": "192.0.2.31", "port": 5432}]}
HAPROXY = {**haproxy(), "haproxy_stats_address": "*", "haproxy_stats_port": 8404, "haproxy_inter": "1s",
           "haproxy_fastinter": "500ms", "haproxy_downinter": "500ms", "haproxy_connect_timeout": "2s",
           "haproxy_rise": 1, "haproxy_fall": 2, "haproxy_maxconn": 4000, "haproxy_rw_maxconn": 90,
           "haproxy_tcp_retries": 8, "haproxy_global_lines": [], "haproxy_defaults_lines": [], "haproxy_extra_lines": [],
           "checkpg_timeout": "800ms"}
CHECKPG = {**checkpg(), **login(), "checkpg_timeout": "800ms", "checkpg_peer_timeout": "500ms", "checkpg_keep": "60s",
           "checkpg_check_port": 5432, "checkpg_settings": {}, "checkpg_read_write_settings": {},
           "checkpg_read_only_settings": {}, "has_older_login": False}
KEEPALIVED = {"postgresql_vip_ip": "192.0.2.20", "postgresql_vip_fqdn": "pgrouter.example.com",
              "postgresql_subnet": "192.0.2.0/24", "keepalived_virtual_router_id": 7,
              "keepalived_address": "", "keepalived_internal_vip_cidr": "",
              "owners": {"router1": "192.0.2.21", "router2": "", "db1": "192.0.2.11"}}


@pytest.mark.parametrize("told, change, sentence", [
    (HAPROXY, {}, None),
    (HAPROXY, {"checkpg_timeout": 999}, None),
    (HAPROXY, haproxy(haproxy_ro_backends=SERVERS[:1]), None),
    (HAPROXY, haproxy(haproxy_rw_backends=[]), "haproxy_rw_backends is empty: list every server"),
    (HAPROXY, haproxy(haproxy_rw_backends=changed(1, address="2001:db8::1")), "haproxy_ro_backends: correct one"),
    (HAPROXY, haproxy(haproxy_rw_backends=changed(2, name="DB1.example.com")), "entry 2 repeats the name"),
    (HAPROXY, haproxy(haproxy_rw_backends=changed(2, name="db 2")), "entry 2 has the name 'db 2'"),
    (HAPROXY, haproxy(haproxy_rw_backends=changed(2, port=65536)), "_rw_backends, db2.example.com: port is 65536"),
    (HAPROXY, haproxy(haproxy_rw_backends=changed(2, port=0)), "haproxy_rw_backends, db2.example.com: port is 0"),
    (HAPROXY, haproxy(haproxy_rw_port="pg"), "haproxy_services, PostgresReadWrite: port is 'pg'"),
    (HAPROXY, haproxy(haproxy_ro_port=5432), "PostgresReadOnly and PostgresReadWrite both listen on port 5432"),
    (HAPROXY, haproxy(haproxy_ro_port="8404"), "the statistics page (haproxy_stats_port) both listen on port 8404"),
    (HAPROXY, haproxy(ORDERS), None),
    (HAPROXY, haproxy({**ORDERS, "port": 5432}), "OrdersReadWrite and PostgresReadWrite both listen on port 5432"),
    (HAPROXY, haproxy({**ORDERS, "port": 5432, "address": "192.0.2.9"}), "both listen on port 5432"),
    (HAPROXY, haproxy({**ORDERS, "port": 5432, "address": "192.0.2.9"}, haproxy_bind_address="192.0.2.8"), None),
    (HAPROXY, haproxy({**ORDERS, "address": "pgrouter"}), "its address 'pgrouter' is no IP address"),
    (HAPROXY, haproxy({**ORDERS, "name": "PostgresReadOnly"}), "has PostgresReadOnly twice"),
    (HAPROXY, haproxy({**ORDERS, "name": "Orders RW"}), "its name must be letters and digits"),
    (HAPROXY, haproxy({**ORDERS, "to": "standbys"}), "nothing that leads to the primary of cluster orders"),
    (HAPROXY, haproxy({**ORDERS, "servers": changed(1, address="192.0.2.31")}),
     "192.0.2.11 in haproxy_rw_backends and 192.0.2.31 in haproxy_services, OrdersReadWrite: servers: correct one"),
    (HAPROXY, {"haproxy_inter": "0"}, "haproxy_inter is '0': give a time"),
    (HAPROXY, {"haproxy_fastinter": "fast"}, "haproxy_fastinter is 'fast': give a time"),
    (HAPROXY, {"haproxy_fall": 0}, "haproxy_fall is 0: give a number"),
    (HAPROXY, {"haproxy_rw_maxconn": 0}, None),
    (HAPROXY, {"haproxy_rw_maxconn": -1}, "haproxy_rw_maxconn is -1: give a number, 0 for no limit"),
    (HAPROXY, {"haproxy_tcp_retries": "2"}, "haproxy_tcp_retries is '2': give a number from 3 to 15"),
    (HAPROXY, {"haproxy_tcp_retries": 16}, "haproxy_tcp_retries is 16: give a number from 3 to 15"),
    (HAPROXY, {"haproxy_defaults_lines": "retries 1"}, "haproxy_defaults_lines is no list: give one, even"),
    (HAPROXY, {"checkpg_timeout": 1000}, "checkpg_timeout (1000) is not below haproxy_inter (1s)"),
    (CHECKPG, {}, None),
    (CHECKPG, login(password="", client_certificate="c", client_key="k"), None),
    (CHECKPG, login(client_certificate="c"), "checkpg_client_key is not set"),
    (CHECKPG, login(client_key="k"), "checkpg_client_certificate is not set"),
    (CHECKPG, login(password=""), "checkpg_password is not set, and no checkpg_client_certificate either"),
    (CHECKPG, {**login(password=""), "has_older_login": True},
     'checkpg_client_certificate: "{{ certs.client.pgroute66 }}", checkpg_client_key: "{{ private_keys.client'),
    (CHECKPG, {**checkpg(ORDERS), **login([{"name": "orders", "password": "other"}])}, None),
    (CHECKPG, {**checkpg(ORDERS), **login([{"name": "orders", "client_key": "k"}])},
     "checkpg_clusters, orders: client_certificate is not set"),
    (CHECKPG, {**checkpg(ORDERS), **login([{"name": "orders"}] * 2)}, "checkpg_clusters has orders twice"),
    (CHECKPG, login([{"name": "orders"}]), "checkpg_clusters has orders, and no service leads there"),
    (CHECKPG, login([{"name": "main", "password": "other"}]), "checkpg_clusters has main, and no service leads there"),
    (CHECKPG, {**checkpg(ORDERS), **login([{"name": "orders", "settings": {"password": "hush"}}])},
     "checkpg_clusters, orders: settings has password, and anybody may read"),
    (CHECKPG, checkpg({**ORDERS, "settings": {"sslpassword": "hush"}}), "OrdersReadWrite: settings has sslpassword"),
    (CHECKPG, checkpg({**ORDERS, "check_port": 65536}), "OrdersReadWrite: check_port is 65536"),
    (CHECKPG, {"checkpg_settings": {"password": "hush"}}, "checkpg_settings has password, and anybody may read"),
    (CHECKPG, {"checkpg_read_only_settings": {"sslpassword": "hush"}}, "read_only_settings has sslpassword, and"),
    (CHECKPG, {"checkpg_settings": {"passfile": "/etc/checkpg/own"}}, None),
    (CHECKPG, login(password="two\nlines"), "checkpg_password has more than one line"),
    (CHECKPG, {"checkpg_timeout": "60000us"}, "checkpg_timeout is '60000us': give a time"),
    (CHECKPG, {"checkpg_timeout": "1m"}, "checkpg_timeout is '1m': give a time"),
    (CHECKPG, {"checkpg_timeout": "1min"}, None),
    (CHECKPG, {"checkpg_keep": 0}, None),
    (CHECKPG, {"checkpg_keep": "0"}, None),
    (CHECKPG, {"checkpg_keep": "1s"}, None),
    (CHECKPG, {"checkpg_keep": "10 min"}, None),
    (CHECKPG, {"checkpg_keep": "1h"}, None),
    (CHECKPG, {"checkpg_keep": 60}, "checkpg_keep is 60: give a time from 1s to 1h, such as 60s, or 0"),
    (CHECKPG, {"checkpg_keep": "999ms"}, "checkpg_keep is '999ms'"),
    (CHECKPG, {"checkpg_keep": "3601s"}, "checkpg_keep is '3601s'"),
    (CHECKPG, {"checkpg_keep": "1m"}, "checkpg_keep is '1m'"),
    (CHECKPG, {"checkpg_keep": ""}, "checkpg_keep is ''"),
    (CHECKPG, {"checkpg_keep": False}, "checkpg_keep is False"),
    (CHECKPG, {"checkpg_timeout": "61s"}, "checkpg_timeout is '61s': give a time"),
    (CHECKPG, {"checkpg_peer_timeout": "800ms"}, "checkpg_peer_timeout (800ms) is not below checkpg_timeout"),
    (CHECKPG, {"checkpg_check_port": 70000}, "checkpg_check_port is 70000"),
    (CHECKPG, checkpg(haproxy_rw_backends=[{**SERVERS[0], "name": f"db{n}"} for n in range(33)]), "has 33 servers"),
    (KEEPALIVED, {}, None),
    (KEEPALIVED, {"postgresql_vip_ip": "192.0.2.256"}, "postgresql_vip_ip is '192.0.2.256', which is no IP address"),
    (KEEPALIVED, {"postgresql_vip_ip": "2001:db8::20"}, "is not in postgresql_subnet (192.0.2.0/24)"),
    (KEEPALIVED, {"postgresql_vip_ip": "2001:db8::20", "postgresql_subnet": "2001:db8::/64"}, None),
    (KEEPALIVED, {"postgresql_vip_ip": "2001:db8::20", "postgresql_subnet": "64"}, None),
    (KEEPALIVED, {"postgresql_vip_ip": "2001:db8::20", "postgresql_subnet": "2001:db8::"},
     "without the length of a prefix: write 2001:db8::/64"),
    (KEEPALIVED, {"postgresql_vip_ip": "2001:DB8::20", "postgresql_subnet": "64", "owners": {"db1": "2001:db8:0::20"}},
     "is the address of db1"),
    (KEEPALIVED, {"keepalived_address": "2001:db8::21"}, "keepalived_address (2001:db8::21) and postgresql_vip_ip"),
    (KEEPALIVED, {"postgresql_vip_ip": "192.0.2.21"}, "postgresql_vip_ip (192.0.2.21) is the address of router1"),
    (KEEPALIVED, {"postgresql_subnet": ""}, "postgresql_subnet is not set"),
    (KEEPALIVED, {"postgresql_subnet": "192.0.2.0/33"}, "postgresql_subnet is '192.0.2.0/33'"),
    (KEEPALIVED, {"postgresql_subnet": "24"}, None),
    (KEEPALIVED, {"postgresql_subnet": 24}, None),
    (KEEPALIVED, {"postgresql_subnet": "/24"}, None),
    (KEEPALIVED, {"postgresql_subnet": "192.0.2.0/255.255.255.0"}, None),
    (KEEPALIVED, {"postgresql_subnet": "33"}, "postgresql_subnet is '33'"),
    (KEEPALIVED, {"postgresql_subnet": "192.0.2.0"},
     "postgresql_subnet is '192.0.2.0', without the length of a prefix: write 192.0.2.0/24, or what it is"),
    (KEEPALIVED, {"postgresql_subnet": "24", "postgresql_vip_ip": "pgrouter"}, "postgresql_vip_ip is 'pgrouter'"),
    (KEEPALIVED, {"keepalived_internal_vip_cidr": "192.0.2.20/24"}, None),
    (KEEPALIVED, {"keepalived_internal_vip_cidr": "192.0.2.20"}, None),
    (KEEPALIVED, {"keepalived_internal_vip_cidr": "192.0.2.20/24", "postgresql_subnet": "24"}, None),
    (KEEPALIVED, {"keepalived_internal_vip_cidr": "192.0.2.20/25"}, "vip_cidr (192.0.2.20/25) is not what"),
    (KEEPALIVED, {"keepalived_internal_vip_cidr": "192.0.2.21/24"}, "(192.0.2.21/24) is not what postgresql_vip_ip"),
    (KEEPALIVED, {"postgresql_vip_fqdn": ""}, "postgresql_vip_fqdn is not set"),
    (KEEPALIVED, {"keepalived_virtual_router_id": 0}, "keepalived_virtual_router_id is 0"),
    (KEEPALIVED, {"keepalived_address": "router1"}, "keepalived_address is 'router1'"),
])
def test_each_rule_says_what_to_change(told, change, sentence):
    look = {id(HAPROXY): router_problems.haproxy_problems, id(CHECKPG): router_problems.checkpg_problems,
            id(KEEPALIVED): router_problems.keepalived_problems}[id(told)]
    found = look({**told, **change})
    if sentence is None:
        assert found == []
    else:
        assert len(found) == 1
        assert sentence in found[0]


@pytest.mark.parametrize("subnet", ["192.0.2.0/24", "24", 24, "/24", "192.0.2.20/24", "192.0.2.0/255.255.255.0"])
def test_the_subnet_may_be_written_in_several_ways(subnet):
    assert router_problems.vip_in(subnet, "192.0.2.20") == "192.0.2.20/24"
    variables = {"inventory_hostname": "router1", "ansible_host": "198.51.100.7",
                 "ansible_facts": {"all_ipv4_addresses": ["203.0.113.1", "192.0.2.20", "192.0.2.21"]}}
    assert router_problems.router_address(variables, subnet, "192.0.2.20") == "192.0.2.21"


def test_an_older_configuration_has_the_virtual_ip_or_not():
    text = "virtual_ipaddress {\n 192.0.2.20/24 dev eth0\n 2001:db8:0::20/64\n}"
    assert router_problems.has_address(text, "192.0.2.20")
    assert router_problems.has_address(text, "2001:db8::20")
    assert not router_problems.has_address(text, "192.0.2.2")
    assert router_problems.has_address(["192.0.2.21", "2001:db8::20"], "2001:DB8::20")
    assert not router_problems.has_address([], "192.0.2.20")


def test_a_password_is_in_no_sentence():
    found = router_problems.checkpg_problems({**CHECKPG, **login(password="hush\nhush")})
    assert "hush" not in " ".join(found)


@pytest.mark.parametrize("name, fact", [
    ("ens192", "ens192"), ("ens192.100", "ens192.100"), ("br-pg.7", "br_pg.7"), ("eth0:1", "eth0_1")])
def test_an_interface_is_found_by_its_address(name, fact):
    facts = {"interfaces": ["lo", name], "lo": {"device": "lo", "ipv4": {"address": "127.0.0.1"}},
             fact: {"device": name, "ipv4": {"address": "192.0.2.21"}, "ipv4_secondaries": [{"address": "192.0.2.29"}]}}
    for address in ("192.0.2.21", "192.0.2.29"):
        assert router_problems.interface_with(facts, address) == name


def test_the_router_id_is_the_names_own_and_never_0():
    ids = {router_problems.router_id(f"pg{n}.example.com") for n in range(5000)}
    assert ids == set(range(1, 256))
    assert router_problems.router_id("pgrouter.example.com") == router_problems.router_id("pgrouter.example.com")


OURS = "# ours\nvirtual_router_id {}\nunicast_src_ip 192.0.2.21\nvirtual_ipaddress {{\n 192.0.2.20/24 dev eth0\n}}"


@pytest.mark.parametrize("text, another", [
    ("", False), (OURS.format(7), False), (OURS.format(77), True), (OURS.format(7).replace(".20/", ".30/"), True),
    (OURS.format(7).replace("# ours", ""), True), ("virtual_router_id 7\nvirtual_ipaddress {\n 192.0.2.2\n}", False)])
def test_a_keepalived_that_would_not_agree_with_ours_is_taken_over_from(text, another):
    assert router_problems.is_another_vrrp(text, "# ours", "192.0.2.20", "7") == another
