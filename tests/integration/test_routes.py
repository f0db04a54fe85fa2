"""checkpgroutes over the states of a real cluster behind a real HAProxy."""

import json
import os
import re

import pytest
from harness import abilities, haproxy, ports, resolver, scratch
from harness.checks import run_check
from harness.haproxy import HAProxy, READ_ONLY, READ_WRITE
from harness.postgres import Server
from harness.waiting import wait_for

OK, WARNING, CRITICAL, UNKNOWN = range(4)


def routes(proxy, *options, **how):
    return run_check("checkpgroutes", "--socket", proxy.socket, *options, **how)


def conclusions(proxy, code, *options):
    """What --json says; `code` is the wanted exit code."""
    result = routes(proxy, "--json", *options)
    found = json.loads(result.stdout)
    assert (result.code, result.stderr) == (code, ""), found
    return found


def problems(found):
    return [problem["text"] for problem in found["problems"]]


def without_since(texts):
    return [re.sub(r" for (a moment( or longer)?|(at least )?\w+( s)?)", "", text) for text in texts]


def first_line(result):
    return result.stdout.splitlines()[0]


@pytest.fixture
def cluster(primary, standbys):
    with HAProxy([primary, *standbys], mode="daemon", interval=0.3) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2", "db3"])
        yield proxy


@pytest.mark.versions("checkpgroutes")
def test_all_is_well(cluster):
    found = conclusions(cluster, OK)
    assert found["state"] == "ok"
    assert found["primaries"] == ["db1"]
    assert found["standbys"] == ["db2", "db3"]
    assert found["neither"] == found["problems"] == found["notes"] == []
    checks = {(server["role"], server["name"]): (server["serving"], server["check"]["words"])
              for server in found["servers"]}
    assert checks == {("read-write", "db1"): (True, "primary"),
                      ("read-write", "db2"): (False, "standby"),
                      ("read-write", "db3"): (False, "standby"),
                      ("read-only", "db1"): (False, "primary"),
                      ("read-only", "db2"): (True, "standby"),
                      ("read-only", "db3"): (True, "standby")}


#: A line of Prometheus' text format that is no comment.
SAMPLE = re.compile(r'([a-z_]+)(?:\{([a-z_]+="(?:[^"\\\n]|\\.)*",?)*\})? -?\d+')


def test_metrics(cluster, standby):
    wait_for_metrics(cluster, "checkpg_state 0", db2=1)
    standby.stop()
    wait_for_metrics(cluster, "checkpg_state 1", db2=2)
    standby.start()


def wait_for_metrics(proxy, state, db2):
    wanted = {state, "checkpg_up 1", "checkpg_primaries 1",
              'checkpg_server_role{server="db1",role="primary"} 1',
              f'checkpg_server_check_code{{server="db2",backend="{READ_WRITE}-backend",'
              f'role="read-write"}} {db2}'}
    wait_for(lambda: wanted <= set(metrics(proxy)), state)
    assert all(line.startswith("#") or SAMPLE.fullmatch(line) for line in metrics(proxy))


def metrics(proxy):
    result = routes(proxy, "--prometheus")
    assert (result.code, result.stderr) == (OK, "")
    return result.stdout.splitlines()


def test_metrics_of_a_haproxy_that_is_gone(cluster):
    cluster.stop()
    result = routes(cluster, "--prometheus")
    assert (result.code, result.stderr) == (OK, "")
    assert result.stdout.splitlines()[-1] == "checkpg_up 0"


def test_the_text_has_a_line_for_monitoring_and_one_for_each_server(cluster):
    result = routes(cluster)
    assert result.code == OK
    first, header, *rows = result.stdout.splitlines()
    assert re.match(r"OK: primary db1 for (at least \S+|a moment or longer), standbys db2, db3; sessions 0 "
                    r"read-write and 0 read-only \| primaries=1;1:1;1:1;0 standbys=2;1:;;0;3 ", first)
    assert header.split() == ["SERVER", "READ-WRITE", "READ-ONLY", "SESSIONS", "SINCE"]
    assert [row.split()[:4] for row in rows] == [["db1", "UP", "primary", "0"],
                                                 ["db2", "standby", "UP", "0"],
                                                 ["db3", "standby", "UP", "0"]]
    assert "\x1b" not in result.stdout


def test_the_whole_table(cluster):
    result = routes(cluster, "--table")
    assert result.code == OK
    lines = result.stdout.splitlines()[1:]
    assert lines[0].split() == ["BACKEND", "SERVER", "STATUS", "CHECK", "TOOK", "SESSIONS", "MOST",
                                "LIMIT", "QUEUE", "CHANGED"]
    rows = {tuple(line.split()[:2]): line.split()[2:4] for line in lines[1:]}
    assert rows["PostgresReadWrite-frontend", "FRONTEND"] == ["OPEN", "-"]
    assert rows["PostgresReadWrite-backend", "db1"] == ["UP", "primary"]
    assert rows["PostgresReadWrite-backend", "db2"] == ["DOWN", "standby"]


def without_times(text):
    return re.sub(r"\bfor [^,]+,", "for ...,", text)


def test_quiet_is_the_first_line_alone(cluster):
    quiet, whole = (without_times(routes(cluster, *option).stdout) for option in (["-q"], []))
    assert quiet == whole.splitlines()[0] + "\n"
    assert " | primaries=" in quiet


def test_verbose_shows_haproxys_own_words(cluster):
    for options in (["-v"], ["-v", "--table"]):
        text = routes(cluster, *options).stdout
        assert "PROCERR 1" in text and "PROCOK 0" in text
        assert f"127.0.0.1:{cluster.servers[0].port}" in text


@pytest.mark.versions("checkpgroutes")
def test_sessions_are_counted(cluster):
    with cluster.session(READ_WRITE), cluster.session(READ_ONLY), cluster.session(READ_ONLY):
        wait_for(lambda: conclusions(cluster, OK)["sessions"]["read_only"]["now"] == 2,
                 "the sessions to be counted")
        found = conclusions(cluster, OK)
        assert found["sessions"]["read_write"]["now"] == 1
        line = first_line(routes(cluster))
        assert "sessions_read_write=1;" in line and "sessions_read_only=2;" in line


def test_a_failover_step_by_step():
    with (Server("one").create() as one, Server("two").create_standby(of=one) as two,
          HAProxy([one, two], interval=0.3) as proxy):
        proxy.wait_for_routes(readwrite=["one"], readonly=["two"])
        one.stop("immediate")
        proxy.wait_for_routes(readwrite=[], readonly=["two"])
        found = conclusions(proxy, CRITICAL)
        assert without_since(problems(found))[0] == "no primary: one unreachable"
        assert re.match(r"CRITICAL: no primary for .+: one unreachable; standby two \|",
                        first_line(routes(proxy)))
        assert found["standbys"] == ["two"]
        assert found["neither"] == [{"name": "one", "reason": "unreachable"}]

        two.promote()
        proxy.wait_for_routes(readwrite=["two"], readonly=[])
        found = conclusions(proxy, WARNING)
        assert found["primaries"] == ["two"]
        assert problems(found) == ["no standby: one unreachable"]


def test_two_primaries_that_both_get_writes(primary):
    with (Server("other").create() as other, HAProxy([primary, other]) as proxy):
        proxy.wait_for_routes(readwrite=["db1", "other"], readonly=[])
        found = conclusions(proxy, CRITICAL)
        assert problems(found)[0] == "2 primaries: db1, other"


def test_a_split_brain_that_the_checks_refuse(primary, standby):
    haproxy.require_private_etc()
    with Server("other").create() as other:
        peers = " ".join(f"127.0.0.1:{server.port}" for server in (primary, other))
        with HAProxy([primary, other, standby],
                     files={"checkpg.conf": f"[PostgresReadWrite-backend]\npeers = {peers}\n"}) \
                as proxy:
            proxy.wait_for_routes(readwrite=[], readonly=["db2"])
            found = conclusions(proxy, CRITICAL)
            assert re.fullmatch(r"no primary for .+: split brain between db1, other",
                                problems(found)[0])
            assert {"name": "other", "reason": "split brain"} in found["neither"]


def test_a_frozen_server(primary, standbys):
    with HAProxy([primary, *standbys], interval=0.3) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2", "db3"])
        standbys[0].freeze()
        try:
            proxy.wait_for_routes(readwrite=["db1"], readonly=["db3"])
            found = conclusions(proxy, WARNING)
            assert found["neither"] == [{"name": "db2",
                                         "reason": "check took too long (PROCTOUT)"}]
        finally:
            standbys[0].thaw()


@pytest.mark.versions("checkpgroutes")
def test_maintenance_and_drain(cluster):
    cluster.command("set server PostgresReadOnly-backend/db3 state maint")
    found = conclusions(cluster, WARNING)
    assert found["standbys"] == ["db2"]
    assert problems(found) == ["db3: in maintenance"]
    cluster.command("set server PostgresReadOnly-backend/db3 state drain")
    assert problems(conclusions(cluster, WARNING)) == ["db3: draining"]
    cluster.command("set server PostgresReadOnly-backend/db3 state ready")
    cluster.command("set server PostgresReadWrite-backend/db3 state maint")
    wait_for(lambda: routes(cluster, "-q").code == OK, "db3 to be taken back")
    found = conclusions(cluster, OK)
    assert found["notes"] == ["db3: in maintenance in PostgresReadWrite-backend"]


def test_all_servers_are_down():
    dead = [haproxy.Target(name, "127.0.0.1", ports.free_port()) for name in ("db1", "db2")]
    with HAProxy(dead) as proxy:
        proxy.wait_for_routes(readwrite=[], readonly=[])
        first, *others = problems(conclusions(proxy, CRITICAL))
        assert re.fullmatch(r"no primary for (at least \S+|a moment or longer): db1, db2 unreachable", first)
        assert others == ["no standby"]


def test_haproxy_has_just_started():
    """Its first checks take a while, and it counts everybody as up until they are done."""
    slow = scratch.directory("slow") / "check"
    slow.write_text("#!/bin/sh\nexec /bin/sleep 3\n")
    slow.chmod(0o755)
    servers = [haproxy.Target(f"db{i}", "127.0.0.1", ports.free_port()) for i in range(3)]
    with HAProxy(servers, programs={READ_WRITE: str(slow), READ_ONLY: str(slow)},
                 interval="8s") as proxy:
        found = conclusions(proxy, WARNING)
        assert found["primaries"] == found["standbys"] == found["neither"] == []
        assert found["unchecked"] == ["db0", "db1", "db2"]
        problem, = problems(found)
        assert re.fullmatch(r"HAProxy started \d+s ago, 3 not checked yet", problem)
        assert routes(proxy).stdout.count("UP, not checked yet") == 6


def by_name(address, *lines):
    """Lines for HAProxy's global section, with one that resolves names behind it, and for its
    backends."""
    return {"global_lines": ["resolvers dns", f"nameserver one {address}:53", "resolve_retries 1",
                             "timeout resolve 200ms", "timeout retry 200ms", "hold valid 1s"],
            "backend_lines": ["default-server inter 300ms rise 1 fall 1 resolvers dns "
                              "init-addr none", *lines]}


def test_slots_of_a_server_template_that_are_not_in_use(primary):
    port = primary.port
    with resolver.answering({"pg.test": ["127.0.0.1"]}) as address, HAProxy([], **by_name(
            address, f"server-template db 1-3 pg.test:{port} check",
            f"server gone gone.test:{port} check")) as proxy:
        wait_for(lambda: proxy.results(READ_WRITE)["db1"] == ("UP", "PROCOK", 0), "the primary")
        found = conclusions(proxy, WARNING, "--read-only", "")
        assert found["primaries"] == ["db1"]
        assert problems(found) == ["gone: in maintenance (resolution)"]
        assert found["notes"] == ["slots of a server-template that are not in use: db2, db3"]


def test_a_server_template_without_any_address(primary):
    with resolver.answering({}) as address, HAProxy([], **by_name(
            address, f"server-template db 1-3 pg.test:{primary.port} check")) as proxy:
        found = conclusions(proxy, CRITICAL)
        assert without_since(problems(found)) == [
            "no primary: db1, db2, db3 in maintenance (resolution)", "no standby"]


def test_a_check_that_is_not_there(primary):
    with HAProxy([primary], programs={READ_ONLY: "/nonexistent/checkpgstandby"}) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=[])
        shown = routes(proxy).stdout
        assert "check can't be executed" in shown


def test_haproxy_may_not_start_checks():
    abilities.require_root("HAProxy's limit on processes counts for other users")
    dead = haproxy.Target("db1", "127.0.0.1", ports.free_port())
    with HAProxy([dead], global_lines=["no insecure-fork-wanted"]) as proxy:
        wait_for(lambda: proxy.results(READ_WRITE)["db1"][1] == "SOCKERR", "the first check")
        assert without_since(problems(conclusions(proxy, CRITICAL)))[0] == (
            "no primary: db1 HAProxy can't fork, see insecure-fork-wanted (SOCKERR)")


@pytest.mark.parametrize("command, words", [
    ("/nonexistent/checkpgprimary", "a program or library of the check is missing"),
    ("/etc/passwd", "a program of the check can't be executed")])
def test_a_script_whose_program_does_not_run(command, words):
    script = scratch.directory("script") / "check"
    script.write_text(f"#!/bin/sh\nexec {command}\n")
    script.chmod(0o755)
    dead = haproxy.Target("db1", "127.0.0.1", ports.free_port())
    with HAProxy([dead], programs={READ_WRITE: str(script)}) as proxy:
        proxy.wait_for_routes(readwrite=[], readonly=[])
        assert without_since(problems(conclusions(proxy, CRITICAL)))[0] == f"no primary: db1 {words}"


def test_a_frontend_that_is_not_open(cluster):
    cluster.command("disable frontend PostgresReadOnly-frontend")
    problem, = problems(conclusions(cluster, CRITICAL))
    assert problem in [f"frontend PostgresReadOnly-frontend is not open ({status})"
                       for status in ("PAUSED", "STOP")]  # STOP: HAProxy 2.2


def test_sessions_near_a_limit(primary):
    with HAProxy([primary], server_options="rise 1 fall 1 maxconn 1") as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=[])
        with proxy.session(READ_WRITE):
            wait_for(lambda: "PostgresReadWrite-backend/db1 (1 of 1): near the limit of sessions"
                     in problems(conclusions(proxy, WARNING)), "the warning")


def test_a_backend_that_does_not_exist(cluster):
    result = routes(cluster, "-q", "--read-write", "PostgresReadWrite")
    assert result.code == UNKNOWN
    assert result.stdout == ("UNKNOWN: HAProxy has no backend 'PostgresReadWrite'; it has: "
                             "PostgresReadOnly-backend, PostgresReadWrite-backend\n")


def test_the_configuration_file_says_where_to_look(cluster):
    section = f"[checkpgroutes]\nsocket = {cluster.socket}\nread-only = PostgresReadOnly-backend\n"
    assert run_check("checkpgroutes", "-q", configuration=section).code == OK
    result = run_check("checkpgroutes", configuration=section + "colour = blue\n")
    assert (result.code, result.stderr) == (UNKNOWN, "")
    assert re.fullmatch(r"UNKNOWN: \S+:\d+: unknown key 'colour' in section \[checkpgroutes\]\n",
                        result.stdout)


def test_a_configuration_file_that_was_named_must_exist(cluster):
    for how in ({"env": {"CHECKPG_CONFIG": "/nonexistent.conf"}}, {}):
        options = [] if how else ["--config", "/nonexistent.conf"]
        result = routes(cluster, *options, **how)
        assert (result.code, result.stderr) == (UNKNOWN, "")
        assert result.stdout == ("UNKNOWN: /nonexistent.conf: no such file, though "
                                 f"{'$CHECKPG_CONFIG' if how else '--config'} names it\n")


def test_ping(cluster):
    assert routes(cluster, "--ping").outcome == (OK, "")
    result = routes(cluster, "--ping", "-v")
    assert result.code == OK
    assert f"{cluster.socket}: HAProxy " in result.stdout
    cluster.stop()
    assert routes(cluster, "--ping").outcome == (UNKNOWN, "")
    assert "HAProxy is stopped" in routes(cluster, "--ping", "-v").stdout


def test_serving(cluster):
    """Any server in any role will do; without one it is critical, and what can't be known is no yes."""
    assert routes(cluster, "--serving").outcome == (OK, "")
    assert first_line(routes(cluster, "--serving", "-v")) == "db1, db2, db3 get traffic"
    for server in ("PostgresReadWrite-backend/db1", "PostgresReadOnly-backend/db2",
                   "PostgresReadOnly-backend/db3"):
        cluster.command(f"set server {server} state maint")
    assert routes(cluster, "--serving").outcome == (CRITICAL, "")
    assert first_line(routes(cluster, "--serving", "-v")).startswith("no server gets traffic: db")
    cluster.command("set server PostgresReadOnly-backend/db3 state ready")
    wait_for(lambda: routes(cluster, "--serving").outcome == (OK, ""), "a standby to be checked")
    assert routes(cluster, "--serving", "--read-write", "nonexistent").outcome == (OK, "")
    assert routes(cluster, "--serving", "--read-only", "nonexistent").outcome == (CRITICAL, "")
    assert routes(cluster, "--serving", "--read-write", "nonexistent", "--read-only", "gone").outcome == (UNKNOWN, "")
    cluster.stop()
    assert routes(cluster, "--serving").outcome == (UNKNOWN, "")


def test_haproxy_is_stopped(cluster):
    cluster.stop()
    result = routes(cluster)
    assert result.code == UNKNOWN
    assert result.stdout.startswith(f"UNKNOWN: {cluster.socket}: ")
    assert "HAProxy is stopped" in result.stdout


def test_without_standard_descriptors(cluster):
    wait_for(lambda: routes(cluster, closed_descriptors=True).code == OK, "all to be well")


def test_usage_errors_reach_monitoring_too():
    result = run_check("checkpgroutes", "--colour|")
    assert (result.code, result.stderr) == (UNKNOWN, "")
    assert result.stdout == "UNKNOWN: unknown option '--colour/'; see checkpgroutes --help\n"


def test_ranges(cluster):
    result = routes(cluster, "-q", "-w", "standbys=3:", "-c", "sessions_read_only=@0:5")
    assert result.code == CRITICAL
    assert result.stdout.startswith("CRITICAL: sessions_read_only: 0 is in @0:5 (and 1 more); ")
    assert " standbys=2;3:;;0;3 " in result.stdout and " sessions_read_only=0;;@0:5;0" in result.stdout
    assert routes(cluster, "-q", "-w", "standbys=2:").code == OK


def test_another_applications_frontend_does_not_count(primary, standby):
    others = [f"frontend crm\n    bind 127.0.0.1:{ports.free_port()}\n    default_backend crm-servers",
              "backend crm-servers"]
    with HAProxy([primary, standby], backend_lines=[]) as proxy:
        text = proxy.configuration_file.read_text()
        proxy.stop()
        proxy.configuration_file.write_text(text + "\n" + "\n\n".join(others) + "\n")
        proxy.start()
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2"])
        proxy.command("disable frontend crm")
        found = conclusions(proxy, OK)
        assert {one["name"]: one["counted"] for one in found["frontends"]} == {
            "PostgresReadWrite-frontend": True, "PostgresReadOnly-frontend": True, "crm": False}
        assert "crm" not in routes(proxy, "--table").stdout
        section = f"[checkpgroutes]\nsocket = {proxy.socket}\nfrontends = crm\n"
        result = run_check("checkpgroutes", "-q", configuration=section)
        assert result.code == CRITICAL
        assert result.stdout.startswith("CRITICAL: frontend crm is not open")


def test_clusters_by_name(cluster):
    sections = (f"[checkpgroutes]\nsocket = {cluster.socket}\n"
                "[checkpgroutes orders]\nread-write = PostgresReadWrite-backend\n"
                "read-only = PostgresReadOnly-backend,\n"
                "[checkpgroutes crm]\nread-write = PostgresReadWrite-backend\n"
                "socket = /nonexistent/stats\n")
    one = run_check("checkpgroutes", "-q", "--cluster", "orders", configuration=sections)
    assert one.code == OK and one.stdout.startswith("OK: primary db1 ")
    every = run_check("checkpgroutes", "--all", configuration=sections)
    assert every.code == UNKNOWN
    first, second = every.stdout.splitlines()
    assert first.startswith("UNKNOWN: crm: /nonexistent/stats: no such file")
    assert " | orders_primaries=1;1:1;1:1;0 orders_standbys=2;1:;;0;3 " in first
    assert second.startswith("OK: orders: primary db1 ") and "|" not in second
    found = json.loads(run_check("checkpgroutes", "--all", "--json", configuration=sections).stdout)
    assert found["state"] == "unknown"
    assert [(one["cluster"], one["state"]) for one in found["clusters"]] == [
        ("orders", "ok"), ("crm", "unknown")]
    sections += "[checkpgroutes-x]\nkey = 1\n"
    server = cluster.servers[0]
    assert run_check("checkpgprimary", server.address, server.port, configuration=sections).code == OK
    odd = run_check("checkpgroutes", "-q", configuration=sections)
    assert odd.code == UNKNOWN
    assert ":10: [checkpgroutes-x] is no section of checkpgroutes" in odd.stdout


def may_look_into(pid):
    """Whether we see what it has open: root in a container may see how much, and not what."""
    directory = f"/proc/{pid}/fd"
    try:
        return bool(os.readlink(f"{directory}/{os.listdir(directory)[0]}"))
    except PermissionError:
        return False


@pytest.mark.parametrize("mode", ["master-worker", "daemon"])
@pytest.mark.versions("checkpgroutes")
def test_sessions_that_a_reload_has_left_behind(primary, standby, mode):
    with HAProxy([primary, standby], mode=mode, global_lines=["hard-stop-after 1h"]) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2"])
        old = int(proxy.show_info()["Pid"])
        wait_for(lambda: int(proxy.show_info()["Uptime_sec"]) >= 3, "a while to pass")
        with proxy.session(READ_WRITE):
            assert conclusions(proxy, OK)["old_processes"] == []
            proxy.reload(wait_for_old=False)
            proxy.wait_for_routes(readwrite=["db1"], readonly=["db2"])
            found = conclusions(proxy, OK)
            process, = found["old_processes"]
            assert process["pid"] == old and process["started_seconds"] >= 3
            assert found["sessions"]["read_write"]["now"] == 0
            result = routes(proxy)
            counted = may_look_into(old)
            assert process["sessions"] == (1 if counted else None)
            assert (f"sessions 0 read-write and 0 read-only, and {1 if counted else 'those'} of an old "
                    "HAProxy process |") in first_line(result)
            left = "1 session, not" if counted else "sessions, which are not"
            assert re.search(rf"\nnote: HAProxy's old process {old}, started \S.* ago, still has {left} "
                             "counted here", result.stdout)
        wait_for(lambda: conclusions(proxy, OK)["old_processes"] == [], "the old process to end")


def test_an_old_process_in_another_namespace_can_not_be_seen(primary):
    abilities.require_namespace("HAProxy as process 1", *haproxy.PROCESS_NAMESPACE)
    with HAProxy([primary], pid_one=True) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=[])
        found = conclusions(proxy, WARNING)
        assert found["old_processes"] is None
        assert found["notes"] == ["whether HAProxy's older processes still have sessions can't be "
                                  "seen from here"]


def test_haproxy_in_a_tcp_socket():
    port = ports.free_port()
    dead = haproxy.Target("db1", "127.0.0.1", ports.free_port())
    with HAProxy([dead], global_lines=[f"stats socket ipv4@127.0.0.1:{port} level user"]) as proxy:
        proxy.wait_for_routes(readwrite=[], readonly=[])
        for host in ("127.0.0.1", "localhost"):
            result = run_check("checkpgroutes", "--json", "--socket", f"{host}:{port}")
            assert result.code == CRITICAL
            assert json.loads(result.stdout)["servers"][0]["address"] is None
