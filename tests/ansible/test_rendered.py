"""What the templates make, for each system and for several sets of variables, is accepted by the
programs it is for. The Red Hat family is tried by its facts alone."""

import re
import subprocess

import pytest
from harness import haproxy, keepalived, scratch
from harness.checks import REPOSITORY, public_copy

import playbooks

ODD = {"haproxy_rw_backends": [{"name": "db1", "address": "192.0.2.11", "port": 25432},
                               {"name": "db2", "address": "2001:db8::12", "port": 6432}],
       "haproxy_ro_backends": [{"name": "db1", "address": "192.0.2.11", "port": 5432}],
       "haproxy_bind_address": "192.0.2.21", "haproxy_ro_fallback_to_primary": True,
       "haproxy_log_connections": False, "haproxy_global_lines": ["description a router"],
       "haproxy_defaults_lines": ["timeout client-fin 30s"], "metrics": True,
       "checkpg_password": "", "checkpg_client_certificate": "client.crt", "checkpg_client_key": "client.key",
       "checkpg_root_certificate": "root.crt", "checkpg_keep": 0,
       "checkpg_settings": {"sslcrl": "/etc/checkpg/root.crl"},
       "checkpg_read_write_settings": {"require-writable": True},
       "checkpg_read_only_settings": {"max-replay-lag": "16MB"}, "keepalived_address": "192.0.2.99",
       "keepalived_interface": "ens160"}


IPV6 = {"haproxy_rw_backends": [{"name": f"db{n}", "address": f"2001:DB8:0::{n}", "port": 5432} for n in (11, 12)],
        "haproxy_ro_backends": [{"name": "db1", "address": "2001:db8::11", "port": 5432}],
        "postgresql_vip_ip": "2001:db8::20", "postgresql_subnet": "2001:db8::/64"}
IPV6_HOSTS = "[router]\nrouter1.example.com ansible_host=2001:db8::21\nrouter2.example.com ansible_host=2001:db8::22\n"

ROUTERS = {"el8": {}, "el9": {}, "el10": {}, "debian12": {}, "debian13": {}, "el8-odd": ODD, "el9-odd": ODD,
           "el8-ipv6": IPV6, "debian12-ipv6": IPV6}


@pytest.fixture(scope="module", params=ROUTERS)
def router(request):
    """(system, directory)"""
    system = request.param.partition("-")[0]
    hosts = IPV6_HOSTS if ROUTERS[request.param] is IPV6 else None
    return system, playbooks.rendered(system, ROUTERS[request.param], hosts)


@pytest.mark.versions("rendered files")
def test_haproxy_accepts_its_configuration_and_its_servers_state(router):
    system = router[0]
    directory = scratch.directory("haproxy")
    state = (router[1] / "servers-down").read_text()
    (directory / "servers").write_text("1\n" if system == "el8" else state)  # 1.8 has a form of its own
    text = (router[1] / "haproxy.cfg").read_text()
    assert "server-state-file /var/lib/haproxy/server-state/servers" in text
    file = directory / "haproxy.cfg"
    file.write_text(text.replace("/var/lib/haproxy/server-state", str(directory)))
    run = subprocess.run([haproxy.executable(), "-c", "-f", file], capture_output=True, text=True, timeout=60)
    said = run.stdout + run.stderr
    assert run.returncode == 0, said
    alarms = {line for line in said.splitlines() if "WARNING" in line or "ALERT" in line}
    down = {line for line in alarms if "is DOWN, changed from server-state" in line}
    forks = {line for line in alarms if "'insecure-fork-wanted' not enabled" in line}
    assert alarms == down | forks
    assert bool(down) == (system != "el8")
    assert bool(forks) == (system == "el8")  # which knows no such word, and forks


@pytest.mark.versions("rendered files")
def test_a_server_that_is_down_has_as_many_fields_as_that_haproxy_writes(router):
    lines = (router[1] / "servers-down").read_text().splitlines()[1:]
    assert {len(line.split()) for line in lines} == {19 if router[0] == "el8" else 20}


@pytest.mark.versions("rendered files")
def test_keepalived_accepts_its_configuration(router):
    text = keepalived.prepared((router[1] / "keepalived.conf").read_text())
    assert keepalived.complaints(text) == (0, "")


@pytest.mark.versions("rendered files")
def test_the_checks_accept_their_settings(router):
    """Here no file that they name is at its place yet."""
    settings = scratch.directory("settings") / "checkpg.conf"
    kept = [line for line in (router[1] / "checkpg.conf").read_text().splitlines()
            if line.partition(" = ")[0] not in ("passfile", "sslrootcert", "sslcert", "sslkey", "sslcrl")]
    settings.write_text("\n".join(kept).replace("sslmode = verify-full", "sslmode = require") + "\n")
    for program in ("checkpgprimary", "checkpgstandby"):
        for backend in ("PostgresReadWrite-backend", "PostgresReadOnly-backend"):
            run = subprocess.run([public_copy(program), "--config", settings, "--backend", backend,
                                  "--host", "/nonexistent"], capture_output=True, text=True, timeout=60)
            assert run.returncode == 2, run.stdout + run.stderr


@pytest.mark.versions("rendered files")
def test_a_standby_may_be_too_old_and_asks_the_same_peers(router):
    section = (router[1] / "checkpg.conf").read_text().partition("[PostgresReadOnly-backend]")[2]
    assert "require-streaming = with-primary\nmax-replay-delay = 20s\n" in section
    assert re.search(r"^peers = db1.*(192\.0\.2\.11|\[2001:db8::11\]):5432", section, re.M)


def test_what_standbys_may_be_is_the_sites_choice():
    text = (playbooks.rendered("debian12", {
        "checkpg_max_replay_delay": "", "checkpg_require_streaming": False,
        "checkpg_read_only_settings": {"require-streaming": True}}) / "checkpg.conf").read_text()
    assert "max-replay-delay" not in text
    assert text.count("require-streaming") == 1 and "require-streaming = on" in text


def settings_of(variables):
    """The global part of checkpg.conf, the read-write backend's section and the read-only one's."""
    text = (playbooks.rendered("debian12", variables) / "checkpg.conf").read_text()
    return re.split(r"^\[.*\]$", text, flags=re.M)


def test_connections_are_kept_for_all_backends_unless_the_site_says_otherwise():
    usual = settings_of({})
    assert [part.count("keep = ") for part in usual] == [1, 0, 0]  # and no part is checkpgroutes'
    assert "\nkeep = 60s\n" in usual[0]
    assert "\nkeep = 0\n" in settings_of({"checkpg_keep": 0})[0]
    pooler = settings_of({"checkpg_read_only_settings": {"keep": 0}})
    assert "keep" not in pooler[1]
    assert "\nkeep = 0\n" in pooler[2]


@pytest.mark.versions("rendered files")
def test_each_version_gets_the_words_it_knows(router):
    text = (router[1] / "haproxy.cfg").read_text()
    assert ("insecure-fork-wanted" in text) == (router[0] != "el8")
    assert text.count("log ring@checkpg local0 notice\n") == text.count("\nring checkpg\n") == (router[0] != "el8")
    assert "init-state" not in text
    assert ("clitcpka-idle" in text) == (router[0] != "el8")
    assert ("level operator expose-fd listeners\n" in text) == (router[0] == "el8")
    unit = (router[1] / "haproxy.checkpg.service.conf").read_text()
    assert ("LogRateLimitIntervalSec" in unit) == (router[0] != "el8")


@pytest.mark.versions("rendered files")
def test_only_the_servers_for_writes_have_a_limit_of_sessions_and_only_on_postgresqls_own_port(router):
    backends = (router[1] / "haproxy.cfg").read_text().split("\nbackend ")[1:]
    own_port = not re.search(":(25432|6432)$", backends[0], re.M)
    assert [backend.count("default-server maxconn 90\n") for backend in backends] == [int(own_port), 0]


@pytest.mark.versions("rendered files")
def test_a_priority_that_falls_moves_the_virtual_ip(router):
    """Under nopreempt it would stay."""
    text = (router[1] / "keepalived.conf").read_text()
    assert re.search(r"script \"/usr/bin/checkpgroutes --serving .*\n[^}]*weight -10\n", text)
    assert not re.search("^ *nopreempt", text, re.M)


def test_a_haproxy_that_knows_init_state_is_told():
    assert "init-state down" in (playbooks.rendered("debian13", {"version": "3.1"}) / "haproxy.cfg").read_text()


def test_the_interface_is_the_one_of_the_routers_address():
    text = (playbooks.rendered("el9") / "keepalived.conf").read_text()
    assert re.search(r"^ +interface ens192$", text, re.M)
    assert re.search(r"^ +unicast_src_ip 192.0.2.21$", text, re.M)
    assert re.search(r"unicast_peer \{\s+192.0.2.22\s+\}", text)


NUMBERS_AND_BOOLEANS = {
    "haproxy_maxconn": 1000, "haproxy_rw_port": 6432, "haproxy_ro_port": 6433, "haproxy_stats_port": 8405,
    "haproxy_rise": 2, "haproxy_fall": 3, "haproxy_log_connections": False, "haproxy_ro_fallback_to_primary": False,
    "haproxy_accepted_routes": [0, 1], "checkpg_check_port": 5433, "checkpg_require_streaming": False,
    "checkpg_password": 12345, "keepalived_virtual_router_id": 7, "keepalived_advert_interval": 0.25}


def files_of(variables):
    """All that is rendered of them, by its name."""
    return {file.name: file.read_text() for file in playbooks.rendered("el9", variables).iterdir()
            if file.is_file() and file.name not in ("ansible.cfg", "vault-password")}


@pytest.mark.versions("rendered files")
@pytest.mark.parametrize("word", [str, str.lower])
def test_a_number_or_boolean_may_be_a_text(word):
    """As ini files and -e NAME=VALUE have it."""
    texts = {name: [str(item) for item in value] if isinstance(value, list) else word(str(value))
             for name, value in NUMBERS_AND_BOOLEANS.items()}
    native, text = files_of(NUMBERS_AND_BOOLEANS), files_of(texts)
    text["checkpg.conf"] = re.sub("= false$", "= off", text["checkpg.conf"], flags=re.M | re.I)  # one to checkpg
    assert text == native
    assert len(native) > 7


@pytest.mark.versions("rendered files")
@pytest.mark.parametrize("routes", [[0, 1], ["0", "1"], "0,1"])
def test_accepted_routes_are_numbers(routes):
    assert playbooks.values("el9", {"haproxy_accepted_routes": routes})["accepted_routes"] == [0, 1]


@pytest.mark.parametrize("subnet", ["24", 24, "192.0.2.0/255.255.255.0"])
def test_the_subnet_may_be_the_length_of_its_prefix(subnet):
    assert files_of({"postgresql_subnet": subnet}) == files_of({})


def ipv6(name, **variables):
    return (playbooks.rendered("debian12", {**IPV6, **variables}, IPV6_HOSTS) / name).read_text()


def test_keepalived_speaks_ipv6_for_a_virtual_ip_of_it():
    text = ipv6("keepalived.conf")
    assert re.search(r"^ +unicast_src_ip 2001:db8::21$", text, re.M)
    assert re.search(r"unicast_peer \{\s+2001:db8::22\s+\}", text)
    assert re.search(r"^ +2001:db8::20/128 dev (\S+)$", text, re.M)
    assert re.search(r"^ +interface ens192$", text, re.M)


def test_haproxy_listens_on_both_families_for_a_virtual_ip_of_ipv6():
    text = ipv6("haproxy.cfg")
    assert re.findall("bind (.*)", text) == [f"[::]:{port} v4v6" for port in (5432, 5433, 8404)]
    assert "server db1 [2001:db8::11]:5432\n" in text
    text = ipv6("haproxy.cfg", haproxy_bind_address="2001:db8::20", haproxy_stats_address="127.0.0.1")
    assert re.findall("bind (.*)", text) == ["[2001:db8::20]:5432 transparent",
                                             "[2001:db8::20]:5433 transparent", "127.0.0.1:8404"]
    text = (playbooks.rendered("debian12") / "haproxy.cfg").read_text()
    assert re.findall("bind (.*)", text) == ["*:5432", "*:5433", "*:8404"]


def test_an_address_is_compared_as_haproxy_writes_it():
    assert " db1 2001:db8::11 " in ipv6("servers-down")


@pytest.mark.parametrize("value, line", [(None, "    hard-stop-after 1h\n"), ("10m", "    hard-stop-after 10m\n"),
                                         ("", None)])
def test_old_processes_end(value, line):
    variables = {} if value is None else {"haproxy_hard_stop_after": value}
    text = (playbooks.rendered("debian12", variables) / "haproxy.cfg").read_text()
    assert line in text if line else "\n    hard-stop-after" not in text
    assert "After a reload the old process keeps its sessions, and runs no checks" in text


def test_the_limits_of_haproxy_match():
    text = (playbooks.rendered("el9", {"haproxy_maxconn": 1000}) / "haproxy.cfg").read_text()
    assert re.findall(r"^ +maxconn (\d+)$", text, re.M) == ["2100", "1000", "100"]


@pytest.mark.versions("rendered files")
@pytest.mark.parametrize("package, beside", [
    ("checkpg", "checkpg-selinux"),
    ("checkpg-1.0.1-1", "checkpg-selinux-1.0.1-1"),
    ("checkpg-1.0.1-1.el9.x86_64", "checkpg-selinux-1.0.1-1.el9.noarch"),
    ("checkpg >= 1.0.1", "checkpg-selinux >= 1.0.1"),
    ("checkpg-1.*", "checkpg-selinux-1.*"),
    ("/srv/checkpg-1.0.0-1.el9.x86_64.rpm", "/srv/checkpg-selinux-1.0.0-1.el9.noarch.rpm")])
def test_the_selinux_package_is_the_one_beside(package, beside):
    assert playbooks.values("el9", {"checkpg_package": package})["selinux_package"] == beside


def test_the_password_file_escapes_what_it_must():
    text = (playbooks.rendered("el9", {"checkpg_password": "a:b\\c"}) / "pgpass").read_text()
    assert text == "*:*:*:checkpg:a\\:b\\\\c\n"


HEADER = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state ...\n"


def write_state(directory, running, down=None):
    """Runs the script that writes HAProxy's state file, into the directory; its exit code."""
    down = down or playbooks.rendered("debian12") / "servers-down"
    return subprocess.run(["sh", REPOSITORY / "tools/haproxy-server-state", directory / "servers", down], input=running,
                          text=True, capture_output=True, timeout=60, check=False).returncode


def merged(running):
    """What the script makes of a running HAProxy's servers: name -> state, all in the read-write backend."""
    directory = scratch.directory("haproxy-state")
    assert write_state(directory, running) == 0
    lines = (directory / "servers").read_text().splitlines()
    assert lines[0] == "1"
    return {line.split()[3]: line.split()[5] for line in lines if " PostgresReadWrite-backend " in line}


def running(name, address, port, backend="PostgresReadWrite-backend"):
    return f"3 {backend} 1 {name} {address} 2 0 1 1 5 20 3 2 6 0 0 0 - {port} - 0 0 - - 0\n"


DOWN = {"db1.example.com": "0", "db2.example.com": "0", "db3.example.com": "0"}


@pytest.mark.parametrize("state, change", [
    ("", {}),
    ("nonsense\n\n", {}),
    (HEADER + running("db1.example.com", "192.0.2.11", 5432), {"db1.example.com": "2"}),
    (running("db1.example.com", "192.0.2.11", 5432).removesuffix(" - 0 0 - - 0\n") + "\n", {"db1.example.com": "2"}),
    (HEADER + running("db1.example.com", "192.0.2.11", 6432), {}),
    (HEADER + running("db1.example.com", "192.0.2.12", 5432), {}),
    (HEADER + running("db1.example.com", "192.0.2.11", 5432, "PostgresReadOnly-backend"), {}),
    (HEADER + running("db9.example.com", "192.0.2.19", 5432), {})])
def test_only_a_server_that_is_the_same_keeps_its_state(state, change):
    assert merged(state) == {**DOWN, **change}


def test_a_server_that_keeps_its_state_has_the_number_that_the_new_configuration_gives_it():
    """HAProxy 1.8 passes over a line with another one, and counts the server as up."""
    directory = scratch.directory("haproxy-state")
    state = HEADER + running("db3.example.com", "192.0.2.13", 5432)
    assert write_state(directory, state) == 0
    lines = [line.split() for line in (directory / "servers").read_text().splitlines()]
    servers = [line for line in lines if line[1:2] == ["PostgresReadWrite-backend"]]
    assert [(line[2], line[3], line[5]) for line in servers] == [
        ("1", "db1.example.com", "0"), ("2", "db2.example.com", "0"), ("3", "db3.example.com", "2")]
    assert " ".join(servers[2]) == state.splitlines()[-1].replace(" 1 db3", " 3 db3")


def test_a_state_that_cannot_be_made_leaves_no_older_one():
    directory = scratch.directory("haproxy-state")
    (directory / "servers").write_text("1\n")
    assert write_state(directory, "", down=directory / "gone") != 0
    assert not (directory / "servers").exists()
