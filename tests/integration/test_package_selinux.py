"""packaging/rpm/checkpg.cil, compiled against a small base: what the policy then allows, what not.

No kernel enforces it here: the questions go to the compiled policy."""

import re

import pytest
from harness import scratch
from harness.checks import REPOSITORY
from harness.packages import output_of

BASE = REPOSITORY / "tests/data/selinux/base.cil"
MODULE = REPOSITORY / "packaging/rpm/checkpg.cil"
BOOLEAN = "checkpg_connect_any"


class Policy:
    def __init__(self, base=BASE):
        directory = scratch.directory("policy")
        self.path, contexts = directory / "policy", directory / "contexts"
        output_of("secilc", "-o", self.path, "-f", contexts, base, MODULE)
        self.contexts = contexts.read_text()

    def allows(self, source, target, tclass, permission, *, boolean=False):
        """Whether a rule says so, with our boolean off or on."""
        rules = output_of("sesearch", "--allow", "-s", source, "-t", target, "-c", tclass,
                          "-p", permission, self.path).splitlines()
        return any("[" not in rule or (boolean and rule.endswith(f"[ {BOOLEAN} ]:True"))
                   for rule in rules)

    def permissions(self, source):
        """(target, class) -> permissions of all rules of a source, whatever the boolean is."""
        rules = output_of("sesearch", "--allow", "-s", source, self.path)
        return {(target, tclass): set(several.split() or [single])
                for target, tclass, several, single in
                re.findall(r"^allow \S+ (\S+):(\S+) (?:\{ (.*?) \}|(\S+));", rules, re.M)}


@pytest.fixture(scope="module")
def policy():
    return Policy()


READ = {"getattr", "open", "read"}
ENTER = {"getattr", "open", "search"}
LINK = {"getattr", "read"}
# What two processes need that talk over a UNIX socket, abstract ones, too.
TALK = {"create", "bind", "listen", "accept", "connect", "connectto", "getattr", "getopt", "read", "write",
        "shutdown"}


def test_haproxy_may_do_this_and_nothing_more(policy):
    assert policy.permissions("haproxy_t") == {
        ("checkpg_exec_t", "file"): READ | {"map", "execute", "execute_no_trans"},
        ("checkpg_etc_t", "dir"): ENTER,
        ("checkpg_etc_t", "file"): READ,
        ("checkpg_etc_t", "lnk_file"): LINK,
        ("checkpg_secret_t", "file"): READ,
        ("bin_t", "dir"): ENTER,
        ("bin_t", "lnk_file"): LINK,
        ("usr_t", "lnk_file"): LINK,
        ("haproxy_var_lib_t", "dir"): ENTER,
        ("haproxy_var_lib_t", "sock_file"): {"getattr", "write"},
        ("haproxy_t", "unix_stream_socket"): TALK,
        ("postgresql_port_t", "tcp_socket"): {"name_connect"},
        ("port_type", "tcp_socket"): {"name_connect"}}


@pytest.mark.parametrize("domain", ["keepalived_t", "nrpe_t"])
def test_who_asks_haproxy_may_do_this_and_nothing_more(policy, domain):
    assert policy.permissions(domain) == {
        ("checkpg_etc_t", "dir"): ENTER,
        ("checkpg_etc_t", "file"): READ,
        ("haproxy_var_lib_t", "dir"): ENTER,
        ("haproxy_var_lib_t", "sock_file"): {"getattr", "write"},
        ("haproxy_t", "unix_stream_socket"): {"connectto"}}


@pytest.mark.parametrize("boolean", [False, True], ids=["off", "on"])
@pytest.mark.parametrize("port", ["postgresql_port_t", "http_port_t", "unreserved_port_t"])
def test_other_ports_than_postgresqls_are_behind_the_boolean(policy, port, boolean):
    allowed = policy.allows("haproxy_t", port, "tcp_socket", "name_connect", boolean=boolean)
    assert allowed == (boolean or port == "postgresql_port_t")


def test_the_boolean_is_off_until_it_is_set(policy):
    said = output_of("seinfo", "-x", "--bool", BOOLEAN, policy.path)
    assert re.search(rf"bool {BOOLEAN} false;", said)


def test_our_types_are_files_that_the_system_may_manage(policy):
    attributes = {name: output_of("seinfo", "-x", "--type", name, policy.path)
                  for name in ("checkpg_exec_t", "checkpg_etc_t", "checkpg_secret_t")}
    assert all("file_type" in said for said in attributes.values())
    assert "exec_type" in attributes["checkpg_exec_t"]
    assert "configfile" in attributes["checkpg_etc_t"]
    assert "configfile" not in attributes["checkpg_secret_t"]


@pytest.mark.parametrize("path, wanted", [
    ("/usr/bin/checkpgprimary", "checkpg_exec_t"),
    ("/usr/bin/checkpgstandby", "checkpg_exec_t"),
    ("/usr/bin/checkpgroutes", None),
    ("/etc/checkpg", "checkpg_etc_t"),
    ("/etc/checkpg/checkpg.conf", "checkpg_etc_t"),
    ("/etc/checkpg/root.crt", "checkpg_etc_t"),
    ("/etc/checkpg/pgpass", "checkpg_secret_t"),
    ("/etc/checkpg/client.key", "checkpg_secret_t"),
    ("/etc/checkpg/cluster-orders.pgpass", "checkpg_secret_t"),
    ("/etc/checkpg/cluster-orders.client.key", "checkpg_secret_t"),
    ("/etc/checkpg/cluster-orders.root.crt", "checkpg_etc_t"),
    ("/etc/checkpgother", None)])
def test_the_type_of_each_path(policy, path, wanted):
    """Of the patterns that match, the one with the most letters in it before a wildcard counts, and
    the longer one of equals."""
    matching = []
    for line in policy.contexts.splitlines():
        pattern, *_, context = line.split()
        if re.fullmatch(pattern, path):
            literal = len(re.match(r"[^.^$?*+|\[({]*", pattern.replace("\\.", "_")).group())
            matching.append((literal, len(pattern), context.split(":")[2]))
    assert (max(matching)[2] if matching else None) == wanted


@pytest.mark.parametrize("program", ["keepalived", "nrpe"])
def test_a_policy_without_it_takes_the_module(policy, program):
    domain = f"{program}_t"
    lines = [line for line in BASE.read_text().splitlines() if f"{domain})" not in line or "domain" in line]
    base = scratch.directory("base") / "base.cil"
    base.write_text("\n".join(lines).replace(f" {domain}", ""))
    other = Policy(base)
    assert other.permissions("haproxy_t") == policy.permissions("haproxy_t")
    assert program not in output_of("sesearch", "--allow", other.path)
