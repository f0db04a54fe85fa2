"""A site's services: more than the two usual ones, another cluster, the lists of an older playbook, and what the
haproxy.cfg so far serves."""

import json
import re
import subprocess
import sys

import pytest
from harness import abilities, haproxy, keepalived, scratch
from harness.checks import REPOSITORY, public_copy

import machine
import playbooks

sys.path.insert(0, str(REPOSITORY / "ansible/plugins/filter"))
import older_inventory  # noqa: E402
import router_services  # noqa: E402

ORDERS = [{"name": f"o{n}.example.com", "address": f"192.0.2.3{n}", "port": 5432} for n in (1, 2)]
SERVICES = {
    "haproxy_services": [
        {"name": "PostgresReadWrite", "to": "primary"},
        {"name": "PostgresReadOnly", "to": "standbys", "backend_lines": ["balance first"]},
        {"name": "PostgresReadOnlyBouncer", "to": "standbys", "port": 6432, "server_port": 6432},
        {"name": "OrdersReadWrite", "to": "primary", "port": "6001", "cluster": "orders", "servers": ORDERS,
         "address": "192.0.2.20"},
        {"name": "OrdersReadOnly", "to": "standbys", "port": 6002, "cluster": "orders", "servers": ORDERS,
         "frontend_lines": ["timeout client 1h"], "settings": {"max-replay-lag": "16MB"}}],
    "checkpg_clusters": [{"name": "orders", "role": "checkpg_orders", "password": "or:ders", "check_port": 5434,
                          "client_certificate": "-----BEGIN CERTIFICATE-----\n", "client_key": "orders.key",
                          "settings": {"keep": 0}}],
    "haproxy_ro_fallback_to_primary": True, "haproxy_maxconn": 1000, "haproxy_stats_group": "adm",
    "haproxy_extra_lines": ["listen other", "    bind *:9999", "    server one 192.0.2.9:80"]}


def older(name, port, server_port, program):
    servers = [{"name": f"db{n}.example.com", "address": f"192.0.2.1{n}", "port": str(server_port), "checkport": "9201"}
               for n in (1, 2, 3)]
    return ({"name": f"{name}-frontend", "address": "*", "port": str(port), "mode": "tcp", "backend": f"{name}-backend",
             "timeout_client": "10800s"},
            {"name": f"{name}-backend", "mode": "tcp", "balance_method": "leastconn", "options": ["external-check"],
             "params": [f"external-check command  /opt/pgroute66/{program}.sh"], "timeout_server": "10800s",
             "servers": servers})


FRONTENDS, BACKENDS = zip(older("PostgresReadWrite", 5432, 25432, "checkpgprimary"),
                          older("PostgresReadOnly", 5433, 5432, "checkpgstandby"),
                          older("PostgresReadOnlyBouncer", 6432, 6432, "checkpgstandby"))
# As the published roles have it, and the playbook around them.
OLDER = {"haproxy_frontends": FRONTENDS, "haproxy_backends": BACKENDS, "postgresql_subnet": "24",
         "haproxy_global_vars": ["external-check", "insecure-fork-wanted", "spread-checks 5"],
         "keepalived_internal_vip_cidr": "192.0.2.20/24", "haproxy_package_names": ["haproxy"], "haproxy_mode": "tcp",
         "haproxy_maxconn": "1000", "haproxy_stats_port": 8404, "keepalived_virtual_cluster_name": "cluster1",
         "keepalived_net_ipv4_ip_nonlocal_bind": "1"}


def hosts(number):
    return "[router]\n" + "".join(f"router{n}.example.com ansible_host=192.0.2.2{n}\n" for n in range(1, number + 1))


# What each test looks at: a play takes seconds.
DIRECT = dict(zip(("haproxy_frontends", "haproxy_backends"), map(list, zip(
    older("PostgresReadWrite", 5432, 5432, "checkpgprimary"), older("PostgresReadOnly", 5433, 5432, "checkpgstandby")))))
VARIANTS = {"services": ({**SERVICES, "cluster": "orders"}, hosts(3)), "older": (OLDER, hosts(1)),
            "direct": ({**DIRECT, "haproxy_rw_backends": [], "haproxy_ro_backends": []}, hosts(2))}


def files(variant):
    directory = playbooks.rendered("debian12", *VARIANTS[variant])
    return {file.name: file.read_text() for file in directory.iterdir() if file.is_file()}


def values(variant):
    return json.loads(files(variant)["values.json"])


def backends_of(text):
    """backend -> its lines"""
    found = re.split(r"^backend (\S+)$", text, flags=re.M)[1:]
    return {name: body.split("\nlisten")[0] for name, body in zip(found[::2], found[1::2])}


@pytest.mark.versions("rendered files")
@pytest.mark.parametrize("variant", VARIANTS)
def test_haproxy_and_the_checks_accept_it(variant):
    made, command = files(variant), values(variant)["routes_command"]
    directory = scratch.directory("services")
    (directory / "servers").write_text(made["servers-down"])
    (directory / "haproxy.cfg").write_text(
        made["haproxy.cfg"].replace("/var/lib/haproxy/server-state", str(directory)))
    run = subprocess.run([haproxy.executable(), "-c", "-f", directory / "haproxy.cfg"], capture_output=True, text=True,
                         timeout=60)
    assert run.returncode == 0, run.stderr
    alarms = [line for line in run.stderr.splitlines() if "WARNING" in line or "ALERT" in line]
    assert all("is DOWN, changed from server-state" in line for line in alarms), alarms
    assert len(alarms) == len(re.findall(r"^    server (?!one)", made["haproxy.cfg"], re.M))
    settings = directory / "checkpg.conf"
    settings.write_text("\n".join(line for line in made["checkpg.conf"].splitlines()
                                  if line.partition(" = ")[0] not in ("passfile", "sslcert", "sslkey")) + "\n")
    for name in backends_of(made["haproxy.cfg"]):
        run = subprocess.run([public_copy("checkpgprimary"), "--config", settings, "--backend", name, "--host",
                              "/nonexistent"], capture_output=True, text=True, timeout=60)
        assert run.returncode == 2, run.stdout + run.stderr
    run = subprocess.run([public_copy("checkpgroutes"), *command.split()[1:], "--config", settings, "--socket",
                          directory / "none"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 3 and "none" in run.stdout, run.stdout


def test_each_service_has_its_own_port_servers_and_section():
    made = files("services")
    binds = re.findall(r"^frontend (\S+)\n    bind (.+)$", made["haproxy.cfg"], re.M)
    assert binds == [("PostgresReadWrite-frontend", "*:5432"), ("PostgresReadOnly-frontend", "*:5433"),
                     ("PostgresReadOnlyBouncer-frontend", "*:6432"),
                     ("OrdersReadWrite-frontend", "192.0.2.20:6001 transparent"), ("OrdersReadOnly-frontend", "*:6002")]
    assert values("services")["ports"] == [5432, 5433, 6432, 6001, 6002, 8404]
    backends = backends_of(made["haproxy.cfg"])
    assert re.findall("server (.*)", backends["PostgresReadOnlyBouncer-backend"]) == [
        f"db{n}.example.com 192.0.2.1{n}:6432" for n in (1, 2, 3)]
    assert re.findall("^ +server (.*)", backends["OrdersReadWrite-backend"], re.M) == [
        "o1.example.com 192.0.2.31:5432", "o2.example.com 192.0.2.32:5432"]
    assert "checkpgprimary" in backends["OrdersReadWrite-backend"]
    assert "default-server maxconn 90\n" in backends["OrdersReadWrite-backend"]
    assert "checkpgstandby" in backends["PostgresReadOnlyBouncer-backend"]
    assert [name for name, body in backends.items() if "balance first" in body] == ["PostgresReadOnly-backend"]
    assert re.findall(r"^ +maxconn (\d+)$", made["haproxy.cfg"], re.M) == ["5100", "1000", "100"]
    assert "haproxy group adm mode 660" in made["haproxy.cfg"]
    assert len(made["servers-down"].splitlines()) == 1 + 3 + 3 + 3 + 2 + 2


def test_two_primaries_get_nothing_by_any_service():
    text = files("services")["haproxy.cfg"]
    for name in ("PostgresReadWrite", "OrdersReadWrite"):
        frontend = text.partition(f"frontend {name}-frontend")[2].partition("\n\n")[0]
        assert f"tcp-request connection reject if {{ nbsrv({name}-backend) gt 1 }}" in frontend
    frontend = text.partition("frontend OrdersReadOnly-frontend")[2].partition("\n\n")[0]
    assert "reject if no_standby { nbsrv(OrdersReadWrite-backend) gt 1 }" in frontend
    assert "use_backend OrdersReadWrite-backend if no_standby" in frontend


def section(text, name):
    found = re.search(rf"^\[{name}\]\n(.*?)(?=^\[|\Z)", text, re.M | re.S)[1]
    return dict(line.split(" = ", 1) for line in found.splitlines() if line)


def test_the_question_goes_where_postgresql_is():
    text = files("services")["checkpg.conf"]
    bouncer = section(text, "PostgresReadOnlyBouncer-backend")
    assert "port" not in bouncer and "\nport = 5432\n" in text.partition("[")[0]
    assert bouncer["peers"] == section(text, "PostgresReadWrite-backend")["peers"]
    assert bouncer["peers"].endswith("db3.example.com=192.0.2.13:5432")


def test_another_cluster_has_its_own_peers_and_secrets():
    made = files("services")
    assert made["pgpass"] == "*:*:*:checkpg_orders:or\\:ders\n"
    for name, more in (("OrdersReadWrite", {}), ("OrdersReadOnly", {"max-replay-lag": "16MB"})):
        keys = section(made["checkpg.conf"], f"{name}-backend")
        assert {**keys, **more} == keys
        assert keys["peers"] == "o1.example.com=192.0.2.31:5434 o2.example.com=192.0.2.32:5434"
        assert (keys["user"], keys["port"], keys["keep"]) == ("checkpg_orders", "5434", "0")
        assert keys["passfile"] == "/etc/checkpg/cluster-orders.pgpass"
        assert keys["sslkey"] == "/etc/checkpg/cluster-orders.client.key"
    assert "orders" not in str(section(made["checkpg.conf"], "PostgresReadWrite-backend"))


def test_an_older_inventorys_writes_have_a_limit_where_they_go_to_postgresql_itself():
    assert [text.count("default-server maxconn 90\n") for text in backends_of(files("direct")["haproxy.cfg"]).values()] \
        == [1, 0]
    assert "default-server maxconn" not in files("older")["haproxy.cfg"]


def test_checkpgroutes_knows_the_clusters():
    made = files("services")
    main = {"read-write": "PostgresReadWrite-backend",
            "read-only": "PostgresReadOnly-backend PostgresReadOnlyBouncer-backend"}
    assert section(made["checkpg.conf"], "checkpgroutes") == main
    assert section(made["checkpg.conf"], "checkpgroutes main") == main
    assert section(made["checkpg.conf"], "checkpgroutes orders") == {"read-write": "OrdersReadWrite-backend",
                                                                    "read-only": "OrdersReadOnly-backend"}
    assert values("services")["routes_command"] == "checkpgroutes --all"
    made = files("older")
    assert section(made["checkpg.conf"], "checkpgroutes") == main
    assert values("older")["routes_command"] == "checkpgroutes"


def test_the_router_that_serves_more_clusters_has_the_address():
    scripts = dict(re.findall(r"^vrrp_script (servers_serve\S*) {\n    script \"(.+?)\"$",
                              files("services")["keepalived.conf"], re.M))
    assert scripts == {f"servers_serve_{name}": f"/usr/bin/checkpgroutes --serving --cluster {name} --quiet --timeout 800ms"
                       for name in ("main", "orders")}
    tracked = files("services")["keepalived.conf"].partition("track_script {")[2].split()
    assert tracked[:3] == ["haproxy_answers", *scripts]
    assert "/usr/bin/checkpgroutes --serving --quiet" in files("older")["keepalived.conf"]


def test_an_older_inventory_means_what_it_did():
    made = files("older")
    assert re.findall(r"^frontend (\S+)\n    bind (.+)$", made["haproxy.cfg"], re.M) == [
        ("PostgresReadWrite-frontend", "*:5432"), ("PostgresReadOnly-frontend", "*:5433"),
        ("PostgresReadOnlyBouncer-frontend", "*:6432")]
    backends = backends_of(made["haproxy.cfg"])
    assert re.findall(r"server \S+ \S+:(\d+)$", backends["PostgresReadWrite-backend"], re.M) == ["25432"] * 3
    assert re.findall(r"server \S+ \S+:(\d+)$", backends["PostgresReadOnlyBouncer-backend"], re.M) == ["6432"] * 3
    assert made["haproxy.cfg"].count("external-check\n    external-check command /usr/bin/checkpg") == 3
    assert made["haproxy.cfg"].count("insecure-fork-wanted") == made["haproxy.cfg"].count("spread-checks 5") == 1
    assert "9201" not in made["haproxy.cfg"] + made["checkpg.conf"]


def test_an_older_inventory_goes_in_and_what_no_longer_counts_is_said():
    said, reached = playbooks.router(OLDER)
    assert reached, said
    for word in ("haproxy_package_names", "haproxy_mode", "keepalived_virtual_cluster_name",
                 "keepalived_net_ipv4_ip_nonlocal_bind"):
        assert f'"{word} no longer counts: ' in said
    assert "checkport (9201) does not count, and never did" in said


def changed(frontend=None, backend=None, **lists):
    """The older lists, the first frontend and backend changed."""
    frontends = [{**FRONTENDS[0], **(frontend or {})}, *FRONTENDS[1:]]
    backends = [{**BACKENDS[0], **(backend or {})}, *BACKENDS[1:]]
    told = {"haproxy_frontends": frontends, "haproxy_backends": backends, **lists}
    services = older_inventory.services_of(told["haproxy_frontends"], told["haproxy_backends"])
    return {"haproxy_services": services, **told}


@pytest.mark.parametrize("told, sentence", [
    (changed(), None),
    (changed(haproxy_frontends=[], haproxy_backends=[]), None),
    (changed(haproxy_services=older_inventory.USUAL), "haproxy_frontends and haproxy_services are both set"),
    (changed({"backend": "other-backend"}), "its backend other-backend is not in haproxy_backends"),
    (changed({"name": "writes"}), "here they are called writes-frontend and writes-backend"),
    (changed({"mode": "http"}), "PostgreSQL needs mode tcp"),
    (changed({"bind_params": "ssl crt /etc/x.pem"}), "bind_params is not known here"),
    (changed(backend={"params": []}), "no external-check command of it is checkpgprimary or checkpgstandby"),
    (changed(backend={"params": ["external-check command /bin/notcheckpgprimary2"]}), "no external-check command"),
    (changed(haproxy_backends=[*BACKENDS, {"name": "static"}]), "haproxy_backends has static, and no entry of"),
])
def test_what_older_lists_say_is_done_or_refused(told, sentence):
    found = older_inventory.older_problems(told)
    assert [sentence in found[0]] == [True] if sentence else not found
    assert len(found) <= 2  # a backend that nothing leads to any more is a second one


def test_what_an_older_section_has_more_is_kept():
    told = changed({"params": ["tcp-request inspect-delay 1s"], "options": ["tcpka"]}, {"balance_method": "first"})
    service = told["haproxy_services"][0]
    assert service["frontend_lines"] == ["timeout client 10800s", "tcp-request inspect-delay 1s", "option tcpka"]
    assert service["backend_lines"] == ["balance first", "timeout server 10800s"]


@pytest.mark.parametrize("name, sentence", [
    ("haproxy_maxconn", None), ("haproxy_chroot", None), ("haproxy_exporter_port", None),
    ("haproxy_defaults_timeouts", "haproxy_defaults_timeouts is not read: write haproxy_connect_timeout"),
    ("haproxy_rw_prot", "is haproxy_rw_port meant?"),
    ("haproxy_zzz", "haproxy_zzz is not a variable of these roles: remove it, or name it in checkpg_other_variables")])
def test_a_variable_that_nobody_reads_is_refused(name, sentence):
    found = older_inventory.unknown_variables([name], ["haproxy_maxconn", "haproxy_rw_port"], ["haproxy_exporter_.*"])
    assert len(found) == (sentence is not None)
    assert not found or sentence in found[0]


OLD_CONFIGURATION = """global
    stats socket /var/lib/haproxy/stats
defaults
    mode tcp
frontend haproxy-stat
    bind *:8404
  frontend PostgresReadWrite-frontend
bind 192.0.2.20:5432,192.0.2.20:{port} # bind *:1
    default_backend PostgresReadWrite-backend
backend PostgresReadWrite-backend
    server db1 192.0.2.11:5432
"""


@pytest.mark.versions("refusals")
@pytest.mark.versions("tasks")
@pytest.mark.parametrize("text, dropped, lost", [
    ("", [], None),
    (OLD_CONFIGURATION.format(port=5432), [], None),
    (OLD_CONFIGURATION.format(port=5433), [], None),
    (OLD_CONFIGURATION.format(port=5000), [], "PostgresReadWrite-frontend on port 5000."),
    (OLD_CONFIGURATION.format(port=5000), ["PostgresReadWrite-frontend"], None),
    (OLD_CONFIGURATION.format(port=5432) + "listen web\n    bind :80\n", [], "has what this inventory has not: web."),
    (OLD_CONFIGURATION.format(port=5432) + "listen web :80\n", ["web"], None),
    (OLD_CONFIGURATION.format(port=5432) + "frontend a\nbackend b\n", ["a"], "has not: b."),
    (OLD_CONFIGURATION.format(port=5432) + "listen other\n bind *:9999\n", [], None),
    (OLD_CONFIGURATION.format(port="5432-5434"), [], "PostgresReadWrite-frontend on port 5434."),
    (OLD_CONFIGURATION.format(port=5432) + "userlist of\n user a\nring checkpg\n", [], "has not: userlist of."),
    (OLD_CONFIGURATION.format(port=5432) + "peers a\nresolvers b\n", ["a"], "has not: resolvers b."),
    (OLD_CONFIGURATION.format(port=5432) + "peers a\n", ["peers a"], None)])
def test_what_haproxy_serves_so_far_is_not_dropped_in_silence(text, dropped, lost):
    services = router_services.complete_services(
        older_inventory.USUAL, {"haproxy_rw_port": 5432, "haproxy_ro_port": "5433"})
    found = older_inventory.lost_sections(text, services, 8404, SERVICES["haproxy_extra_lines"], dropped)
    assert len(found) == (lost is not None)
    assert not found or lost in found[0]


def test_a_service_that_would_be_lost_stops_the_run_before_anything_changes():
    router = machine.Machine()
    router.add("etc/haproxy/haproxy.cfg", "userlist x\n user a password hush\nlisten web\n    bind :80\n")
    code, said, etc = router.play("-vvv")
    assert code != 0
    assert "haproxy.cfg has what this inventory has not: userlist x, web. Add it to haproxy_services" in said
    assert "hush" not in said
    assert not (etc / "checkpg/checkpg.conf").exists()


def test_another_clusters_secrets_come_and_go():
    router = machine.Machine()
    router.add("etc/checkpg/cluster-gone.pgpass", "*:*:*:checkpg:old\n", 0o600)
    key = scratch.directory("orders") / "orders.key"
    key.write_text("-----BEGIN of the key\n")
    clusters = [{**SERVICES["checkpg_clusters"][0], "client_key": str(key)}]
    code, said, etc = router.play("-v", "--diff", variables={**SERVICES, "checkpg_clusters": clusters})
    assert code == 0, said
    passwords, certificate, its_key = (etc / f"checkpg/cluster-orders.{name}"
                                       for name in ("pgpass", "client.crt", "client.key"))
    assert passwords.read_text() == "*:*:*:checkpg_orders:or\\:ders\n"
    assert certificate.read_text() == "-----BEGIN CERTIFICATE-----\n"
    assert [oct(file.stat().st_mode & 0o777) for file in (passwords, its_key)] == ["0o600"] * 2
    assert "or:ders" not in said and "of the key" not in said
    assert not (etc / "checkpg/cluster-gone.pgpass").exists()


def test_haproxy_starts_where_the_virtual_ip_is_not():
    """By `transparent`, in a network of its own that has no such address; without it, it could not."""
    abilities.require_root("a socket on an address of another router")
    abilities.require_namespace("an address that this machine has not", "--net")
    line = re.search(r"bind (192\.0\.2\.20:6001.*)", files("services")["haproxy.cfg"])[1]
    directory = scratch.directory("transparent")
    codes = []
    for bind in (line, line.removesuffix(" transparent")):
        (directory / "haproxy.cfg").write_text(
            f"defaults\n    mode tcp\n    timeout client 1s\nfrontend one\n    bind {bind}\n")
        # Without any address the kernel would let everything be bound to.
        run = subprocess.run(["unshare", "--net", "sh", "-c", "ip link set lo up && "
                              f"{haproxy.executable()} -D -p {directory}/pid -f {directory}/haproxy.cfg && "
                              f"kill $(cat {directory}/pid)"], capture_output=True, timeout=60)
        codes.append(run.returncode)
    assert codes == [0, 1]


@pytest.mark.versions("rendered files")
@pytest.mark.parametrize("variant, others", [("older", []), ("services", ["192.0.2.22", "192.0.2.23"])])
def test_one_router_speaks_to_nobody_and_three_to_the_other_two(variant, others):
    text = files(variant)["keepalived.conf"]
    assert re.findall(r"^ {8}(192\.0\.2\.2[123])$", text, re.M) == others
    assert ("unicast" in text) == bool(others)
    assert keepalived.complaints(keepalived.prepared(text)) == (0, "")
