"""checkpgroutes --ask: what the servers behind a real HAProxy say of themselves, and what doesn't
fit together."""

import json
import os
import re
import signal
import subprocess

import pytest
from harness import abilities, haproxy, keepers, ports, scratch
from harness.checks import (REPOSITORY, PeakMemory, executable, is_instrumented, is_static, public_copy,
                            run_as_haproxy, run_check, write_configuration)
from harness.clusters import program_directories
from harness.haproxy import HAProxy, Target
from harness.hostile import BlackHole, StandIn, endless_error, scram_iterations, silent
from harness.postgres import Server
from harness.waiting import PATIENCE, wait_for
from test_routes_watch import ENTER, FRAME, LEAVE, Watch

OK, WARNING, CRITICAL, UNKNOWN = range(4)

#: Checks that are passed by whatever runs, as HAProxy's own `option pgsql-check` is.
ALWAYS = {haproxy.READ_WRITE: "/bin/true", haproxy.READ_ONLY: "/bin/true"}

GRANT = "GRANT pg_read_all_stats TO checkpg"


def ask(proxy, *options, **how):
    return run_check("checkpgroutes", "--socket", proxy.socket, "--ask", *options, **how)


def asked(proxy, code, *options, **how):
    """What --json says of each server, by name, and all of it; `code` is the wanted exit code."""
    result = ask(proxy, "--json", *options, **how)
    assert (result.code, result.stderr) == (code, ""), result.output
    found = json.loads(result.stdout)
    return {server["name"]: server for server in found["asked"]}, found


def said(proxy, *options, **how):
    """What --json says of each server, by name, whatever HAProxy says."""
    return {server["name"]: server
            for server in json.loads(ask(proxy, "--json", *options, **how).stdout)["asked"]}


def problems(found):
    return [(problem["state"], problem["text"]) for problem in found["problems"]]


def table(result):
    """Its lines, the header first: what stands between the problems and the notes."""
    lines = result.stdout.splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("NAME "))
    return [line for line in lines[begin:] if not line.startswith("note: ")]


def rows(result):
    """The table's cells by the server's name."""
    lines = table(result)
    starts = [match.start() for match in re.finditer(r"\S+", lines[0])]
    titles = lines[0].split()
    return {line.split()[0]: dict(zip(titles, (line[a:b].strip() for a, b in
                                               zip(starts, [*starts[1:], None]))))
            for line in lines[1:]}


@pytest.fixture
def members(primary, standbys):
    """The role may see statistics, as the example's does."""
    primary.sql(GRANT)
    for each in standbys:
        each.wait_for_replay()
    yield [primary, *standbys]
    primary.sql(GRANT.replace("GRANT", "REVOKE").replace(" TO ", " FROM "))


@pytest.fixture
def cluster(members):
    with HAProxy(members) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2", "db3"])
        yield proxy


def test_a_line_for_each_server(cluster):
    servers, found = asked(cluster, OK)
    assert (found["state"], found["problems"], found["notes"]) == ("ok", [], [])
    assert found["primaries"] == ["db1"]  # and all else that --json has without --ask
    primary, standby = servers["db1"], servers["db2"]
    assert list(servers) == ["db1", "db2", "db3"]
    assert (primary["role"], primary["routed"]) == ("primary", "read-write")
    assert (standby["role"], standby["routed"]) == ("standby", "read-only")
    assert primary["address"] == f"127.0.0.1:{cluster.servers[0].port}"
    assert primary["backends"] == ["PostgresReadWrite-backend", "PostgresReadOnly-backend"]
    assert primary["system_identifier"] == standby["system_identifier"]
    assert primary["timeline"] == standby["timeline"] == 1
    assert (primary["replay_lag_bytes"], primary["receive_lag_bytes"]) == (None, None)
    assert standby["receive_lag_bytes"] == 0 and standby["replay_lag_bytes"] == 0
    assert primary["last_replay_age_ms"] is None and primary["uptime_ms"] > 0
    assert primary["connections"] >= 1 and primary["max_connections"] == 30
    assert primary["server_version"] // 10000 >= 10
    assert (primary["tls"], primary["authentication"]) == ("", "none asked for")
    assert primary["failure"] is standby["failure"] is None


def test_the_text_has_the_state_and_then_the_servers(cluster):
    result = ask(cluster)
    assert (result.code, result.stderr) == (OK, "")
    assert table(result)[0].split() == ["NAME", "ADDRESS", "ROUTED", "ROLE", "TIMELINE", "RECEIVE-LAG",
                                       "REPLAY-LAG", "AGE", "UPTIME", "CONNECTIONS", "VERSION", "TLS",
                                       "AUTHENTICATION"]
    standby = rows(result)["db2"]
    assert (standby["ROUTED"], standby["ROLE"], standby["TIMELINE"]) == ("read-only", "standby", "1")
    assert (standby["RECEIVE-LAG"], standby["REPLAY-LAG"]) == ("0 B", "0 B")
    assert re.fullmatch(r"\d+/30", standby["CONNECTIONS"])
    assert rows(result)["db1"]["REPLAY-LAG"] == "-"
    for text in (result.stdout, ask(cluster, "-q").stdout):
        assert re.match(r"OK: primary db1 for [^,]+, standbys db2, db3; ", text)


def test_lag_is_what_the_primary_has_written_since(cluster, members):
    primary, standby, _ = members
    standby.sql("SELECT pg_wal_replay_pause()")
    try:
        primary.sql("CREATE TABLE load AS SELECT generate_series(1, 30000)")
        wait_for(lambda: said(cluster)["db2"]["receive_lag_bytes"] == 0, "the WAL to come")
        assert said(cluster)["db2"]["replay_lag_bytes"] > 1024 * 1024
        assert rows(ask(cluster))["db2"]["REPLAY-LAG"].endswith(" MB")
        result = ask(cluster, "-q", "-w", "replay_lag=1000", "-c", "replay_delay=3600")
        assert result.code == WARNING
        assert re.match(r"WARNING: replay_lag of db2: \d+ is outside of 1000; ", result.stdout)
        assert re.search(r" replay_lag=\d{7,}B;1000;;0 replay_delay=[\d.]+s;;3600;0$", result.stdout)
    finally:
        standby.sql("SELECT pg_wal_replay_resume()")
        primary.sql("DROP TABLE load")


def test_without_a_primary_lag_is_against_the_standby_that_has_most(members):
    primary, ahead, back = members
    back.set(primary_conninfo="")  # it receives no more
    wait_for(lambda: ahead.sql("SELECT count(*) FROM pg_stat_wal_receiver") == "1", "the receiver")
    wait_for(lambda: back.sql("SELECT count(*) FROM pg_stat_wal_receiver") == "0", "its end")
    primary.sql("CREATE TABLE load AS SELECT generate_series(1, 30000)")
    try:
        ahead.wait_for_replay()
        with HAProxy([ahead, back]) as proxy:
            proxy.wait_for_routes(readwrite=[], readonly=["db2", "db3"])
            servers, found = asked(proxy, CRITICAL)
            assert servers["db2"]["replay_lag_bytes"] == 0
            assert servers["db3"]["replay_lag_bytes"] > 1024 * 1024
            assert found["notes"] == ["no primary answered: lag is counted from db2, which has the "
                                      "most WAL"]
    finally:
        back.follow(primary)
        primary.sql("DROP TABLE load")
        back.wait_for_replay()


def test_a_role_without_rights_sees_less_and_is_told_the_grant(cluster, primary):
    primary.sql(GRANT.replace("GRANT", "REVOKE").replace(" TO ", " FROM "))
    wait_for(lambda: said(cluster)["db3"]["connections"] is None, "the REVOKE to be replayed")
    servers, found = asked(cluster, OK)
    assert [server["connections"] for server in servers.values()] == [None] * 3
    # Nothing is newer than the primary's timeline: where the control file has it, it is known.
    assert [server["timeline"] for server in servers.values()] == [1, 1, 1]
    assert found["notes"] == ["connections and what a WAL receiver does are hidden on db1, db2, "
                              f"db3: {GRANT}"]
    assert rows(ask(cluster))["db1"]["CONNECTIONS"] == "-/30"


def test_a_stopped_server_says_why(members):
    nobody = Target("db4", "127.0.0.1", ports.free_port())
    with HAProxy([*members, nobody]) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2", "db3"])
        servers, found = asked(proxy, WARNING)
        assert servers["db4"]["role"] is None and servers["db4"]["routed"] == "nowhere"
        failure = servers["db4"]["failure"]
        assert (failure["exit_code"], failure["meaning"]) == (2, "unreachable")
        assert "Connection refused" in failure["text"]
        assert problems(found) == [("warning", "db4: unreachable")]  # HAProxy has said it
        line = table(ask(proxy))[4]
        assert re.fullmatch(r"db4 +127\.0\.0\.1:\d+ +nowhere +unreachable: .*Connection refused.*",
                            line)


def test_a_server_that_gives_no_answer_and_has_traffic(members):
    with HAProxy(members[:1], programs=ALWAYS) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db1"])
        members[0].set_hba()
        servers, found = asked(proxy, WARNING)
        assert servers["db1"]["failure"]["sqlstate"] == "28000"
        assert [text for state, text in problems(found) if state == "warning" and text.startswith(
            "db1 gives no answer, and HAProxy routes to it (both): access denied: FATAL: no "
            "pg_hba.conf entry for host")]


def test_a_wrong_password_has_postgresqls_words_and_no_password(cluster, primary):
    primary.set_password("right")
    primary.authenticate("scram-sha-256")
    result = ask(cluster, passwords="*:*:*:*:wrong-and-secret\n")
    assert result.code >= WARNING
    assert 'access denied: FATAL: password authentication failed for user "checkpg"' in result.stdout
    assert "wrong-and-secret" not in result.output
    found = said(cluster, passwords="*:*:*:*:right\n")
    assert found["db1"]["authentication"] == "SASL (SCRAM-SHA-256)"


def test_two_primaries(members):
    with Server("db4").create() as other, HAProxy([*members, other]) as proxy:
        proxy.wait_until_checked()
        servers, found = asked(proxy, CRITICAL)
        assert servers["db4"]["role"] == "primary"
        assert ("critical", "2 servers say they are the primary: db1 (timeline 1), db4 (timeline 1)"
                ) in problems(found)
        assert servers["db2"]["replay_lag_bytes"] is None  # against which?


def test_one_primary_under_two_names_is_one(members):
    primary, *standbys = members
    again = Target("again", primary.address, primary.port)
    with HAProxy([primary, again, *standbys]) as proxy:
        proxy.wait_until_checked()
        assert not [text for _, text in problems(asked(proxy, OK)[1]) if "primary" in text]


def test_another_cluster(members):
    with (Server("db4").create(own_identity=True) as other,
          HAProxy([*members, other],
                  programs={haproxy.READ_WRITE: "/bin/false"}) as proxy):
        proxy.wait_until_checked()
        found = asked(proxy, CRITICAL)[1]
        assert any(state == "warning" and
                   text.startswith("db4 is of another cluster than db1: its system identifier is ")
                   for state, text in problems(found))


def test_haproxy_routes_to_a_server_that_says_otherwise(members):
    with HAProxy(members[:2], programs=ALWAYS) as proxy:
        proxy.wait_for_routes(readwrite=["db1", "db2"], readonly=["db1", "db2"])
        servers, found = asked(proxy, CRITICAL)
        assert servers["db2"]["routed"] == "both"
        assert ("critical", "HAProxy sends writes to db2, which says it is a standby"
                ) in problems(found)
        assert ("warning", "HAProxy sends reads to db1, which says it is the primary"
                ) in problems(found)


def test_a_standby_left_behind_on_the_old_timeline():
    with (Server("one").create() as one, Server("two").create_standby(of=one) as two,
          Server("three").create_standby(of=one) as three):
        one.wait_for_standbys(2)
        one.sql(GRANT)
        two.wait_for_replay()
        three.wait_for_replay()
        one.stop()
        two.promote()
        two.sql("CHECKPOINT")
        with HAProxy([one, two, three]) as proxy:
            proxy.wait_for_routes(readwrite=["two"], readonly=["three"])
            servers, found = asked(proxy, WARNING)
            assert (servers["two"]["timeline"], servers["three"]["timeline"]) == (2, 1)
            assert ("warning", "three is on timeline 1, older than that of the primary two, 2"
                    ) in problems(found)
            three.follow(two)
            wait_for(lambda: said(proxy)["three"]["timeline"] == 2,
                     "the standby to be on the new timeline")


def test_settings_are_those_of_the_backends(members):
    """HAProxy routes to a pooler's port; the section says where PostgreSQL is."""
    primary = members[0]
    pooler = Target("db1", "127.0.0.1", ports.free_port())
    configuration = (f"user = nobody\n[PostgresReadWrite-backend]\nport = {primary.port}\n"
                     "user = checkpg\n"
                     f"[PostgresReadOnly-backend]\nport = {primary.port}\nuser = checkpg\n")
    with HAProxy([pooler]) as proxy:
        proxy.wait_until_checked()
        servers, found = asked(proxy, CRITICAL, configuration=configuration,
                               env={"PGUSER": "postgres", "PGPORT": "1", "PGHOSTADDR": "192.0.2.1"})
        assert servers["db1"]["role"] == "primary"
        assert servers["db1"]["address"] == f"127.0.0.1:{primary.port}"
        assert len(found["asked"]) == 1
        differently = configuration.replace(f"[PostgresReadOnly-backend]\nport = {primary.port}",
                                            "[PostgresReadOnly-backend]")
        assert len(asked(proxy, CRITICAL, configuration=differently)[1]["asked"]) == 2


def test_a_certificate_is_verified_for_haproxys_name(members, authority):
    primary = members[0]
    primary.use_certificate(authority.issue("db1", names=["db1"]))
    configuration = f"sslmode = verify-full\nsslrootcert = {authority.certificate}\n"
    for name, role in (("db1", "primary"), ("other", None)):
        with HAProxy([Target(name, primary.address, primary.port)]) as proxy:
            proxy.wait_until_checked()
            result = ask(proxy, "--json", configuration=configuration)
            server = json.loads(result.stdout)["asked"][0]
            assert server["role"] == role
            if role:
                assert server["tls"].startswith("TLSv1.")
                assert rows(ask(proxy, configuration=configuration))["db1"]["TLS"] in ("TLSv1.3",
                                                                                      "TLSv1.2")
            else:
                assert "certificate" in server["failure"]["text"]


def test_a_mistake_in_the_configuration_is_said(cluster):
    result = ask(cluster, configuration="nonesuch = 1\n")
    assert (result.code, result.stderr) == (UNKNOWN, "")
    assert "unknown key 'nonesuch'" in result.stdout


def test_no_haproxy_no_servers():
    result = run_check("checkpgroutes", "--socket", "/nonexistent/stats", "--ask", "--json")
    assert result.code == UNKNOWN
    assert json.loads(result.stdout)["asked"] == []


def test_level_user_of_the_socket_is_enough(members):
    socket = scratch.directory("socket") / "stats"
    with HAProxy(members,
                 global_lines=[f"stats socket {socket} mode 600 level user"]) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2", "db3"])
        result = run_check("checkpgroutes", "--socket", socket, "--ask", "--json")
        assert result.code == OK
        assert [each["role"] for each in json.loads(result.stdout)["asked"]] == [
            "primary", "standby", "standby"]


def test_a_server_without_an_address(members):
    waiting = Target("db4", "unix@/nonexistent/.s.PGSQL.5432", None)
    with HAProxy([*members, waiting]) as proxy:
        proxy.wait_until_checked()
        servers, _ = asked(proxy, WARNING)
        assert servers["db4"]["address"] is None
        assert servers["db4"]["failure"]["text"].startswith("HAProxy has no address for it")


@pytest.mark.parametrize("script", [silent, endless_error, scram_iterations(2_000_000_000)],
                         ids=["silent", "endless error", "absurd SCRAM"])
def test_a_hostile_server_costs_no_more_than_the_deadline(members, script):
    with (StandIn(script) as stand_in, BlackHole() as hole,
          HAProxy([*members, Target("bad", stand_in.address, stand_in.port),
                   Target("gone", hole.address, hole.port)], interval="60s") as proxy):
        memory = PeakMemory()
        result = ask(proxy, "--json", "-t", "800ms", prefix=memory.prefix,
                     passwords="*:*:*:*:secret\n")
        assert result.seconds < 5 * PATIENCE  # a machine may be busy; these servers never end
        found = json.loads(result.stdout)
        if "asked" not in found:  # only a static executable's libpq knows a bound
            assert not is_static() and result.code == UNKNOWN
            assert found["summary"] == "ended by the watchdog: a call did not come back"
            return
        servers = {server["name"]: server for server in found["asked"]}
        assert servers["db1"]["role"] == "primary" and servers["db2"]["role"] == "standby"
        assert servers["bad"]["failure"] and servers["gone"]["failure"]["meaning"] == "timed out"
        if not is_instrumented():
            assert memory.bytes() < 48 * 1024 * 1024


def test_nothing_is_left_behind(cluster, primary):
    """A survey leaves no keeper and no broken connection in the server's log."""
    position = primary.log_position()
    assert said(cluster, configuration="keep = 60s\n")["db1"]["role"] == "primary"
    assert "unexpected EOF" not in primary.log(position)


def test_the_age_of_what_a_keeper_has(cluster, primary):
    environment = {"CHECKPG_CONFIG": write_configuration("keep = 60s\n")}
    with keepers.ended(primary):
        _, found = asked(cluster, OK, env=environment)
        assert found["notes"] == ["no keeper is to be seen: those of HAProxy's checks are seen by "
                                  "HAProxy's user only"]
        assert run_as_haproxy("checkpgprimary", primary.address, primary.port,
                              env=environment).code == 0
        servers, found = asked(cluster, OK, env=environment)
        assert servers["db1"]["kept_for_ms"] >= 0 and servers["db2"]["kept_for_ms"] is None
        note, = found["notes"]
        assert re.fullmatch(r"connections that keepers have for the checks: db1 for [\d.]+ m?s; none to "
                            "db2, db3", note)


@pytest.mark.parametrize("version", program_directories())
@pytest.mark.versions("checkpgroutes")
def test_every_version_of_postgresql_answers(version):
    bin = program_directories()[version]
    with (Server("db1", bin=bin).create() as primary,
          Server("db2", bin=bin).create_standby(of=primary) as standby):
        primary.wait_for_standbys(1)
        primary.sql(GRANT)
        standby.wait_for_replay()
        with HAProxy([primary, standby]) as proxy:
            proxy.wait_for_routes(readwrite=["db1"], readonly=["db2"])
            servers, found = asked(proxy, OK)
            assert [each["role"] for each in servers.values()] == ["primary", "standby"]
            assert found["notes"] == []


def test_watch_asks_at_each_look(cluster):
    watch = subprocess.Popen([executable("checkpgroutes"), "--socket", cluster.socket, "--ask",
                              "--watch", "100ms", "--json"], stdout=subprocess.PIPE, text=True,
                             env={"CHECKPG_CONFIG": str(write_configuration())})
    try:
        looks = [json.loads(watch.stdout.readline())["asked"] for _ in range(3)]
    finally:
        watch.kill()
        watch.wait()
    assert [[each["role"] for each in look] for look in looks] == [["primary", "standby",
                                                                    "standby"]] * 3
    assert looks[2][0]["uptime_ms"] > looks[0][0]["uptime_ms"]


def test_a_pause_is_no_reason_for_the_watchdog_which_gives_the_terminal_back(members):
    with (StandIn(silent) as stand_in,
          HAProxy([members[0], Target("bad", stand_in.address, stand_in.port)],
                  interval="60s") as proxy,
          Watch(["--socket", proxy.socket, "--ask", "-t", "600ms"], terminal=True) as watch):
        position = watch.wait_for("timed out")
        connections = len(stand_in.connections)
        wait_for(lambda: len(stand_in.connections) > connections, "the next look")
        watch.signal(signal.SIGTSTP)
        watch.wait_for(LEAVE, position)
        assert ask(proxy, "-t", "1s").seconds >= 1  # by then the watchdog's time is over
        watch.signal(signal.SIGCONT)
        watch.wait_for("timed out", watch.wait_for(ENTER, position))
        watch.wait_for(FRAME, len(watch.text))
        assert watch.settings_now() != watch.settings
        assert watch.end(signal.SIGALRM) == UNKNOWN  # as its timer does
        assert f"{LEAVE}UNKNOWN: ended by the watchdog" in watch.text
        assert watch.settings_at_end == watch.settings


# --ask SERVER

def test_one_server_step_by_step_in_each_backends_role(cluster):
    result = ask(cluster, "db2")
    assert result.code == OK
    port = cluster.servers[1].port
    first, *lines = result.stdout.splitlines()
    assert first.startswith("OK: primary db1 ")
    assert lines[0] == "PostgresReadWrite-backend/db2: DOWN, its last check: standby"
    assert re.fullmatch(rf" +0\.0 ms  checkpgprimary asks db2 \(127\.0\.0\.1:{port}\)", lines[1])
    assert f"db2 (127.0.0.1:{port}): standby, not primary" in lines
    second = lines.index("PostgresReadOnly-backend/db2: UP, its last check: standby")
    assert "checkpgstandby asks db2" in lines[second + 1]
    assert any("exit code 0 (ok)" in line for line in lines[second:])
    assert "authentication: none asked for" in result.stdout


def test_one_server_has_the_backends_port(members):
    primary = members[0]
    pooler = Target("db1", "127.0.0.1", ports.free_port())
    with HAProxy([pooler]) as proxy:
        proxy.wait_until_checked()
        result = ask(proxy, "db1",
                     configuration=f"[PostgresReadWrite-backend]\nport = {primary.port}\n")
        assert f"db1 (127.0.0.1:{primary.port}): primary" in result.stdout
        assert f"checkpgstandby asks db1 (127.0.0.1:{pooler.port})" in result.stdout


def test_one_server_as_json(cluster):
    result = ask(cluster, "db1", "--json")
    assert result.code == OK
    found = json.loads(result.stdout)
    assert [(check["program"], check["exit_code"], check["target"]["backend"])
            for check in found["checks"]] == [
        ("checkpgprimary", 0, "PostgresReadWrite-backend"),
        ("checkpgstandby", 1, "PostgresReadOnly-backend")]
    assert found["state"] == "ok" and "asked" not in found


def test_one_server_that_haproxy_routes_to_in_another_role(members):
    with HAProxy(members[:2], programs=ALWAYS) as proxy:
        proxy.wait_for_routes(readwrite=["db1", "db2"], readonly=["db1", "db2"])
        result = ask(proxy, "db2")
        assert result.code == CRITICAL
        assert ("HAProxy sends writes to db2 (PostgresReadWrite-backend), and its check ends with 1 "
                "(") in result.stdout


def test_a_server_that_haproxy_does_not_have_is_a_usage_error(cluster):
    result = ask(cluster, "db9")
    assert (result.code, result.stderr) == (UNKNOWN, "")
    assert result.stdout == ("UNKNOWN: --ask 'db9': the named backends have no such server, "
                             "but db1, db2, db3\n")


def test_ping_asks_nobody_else():
    result = run_check("checkpgroutes", "--ping", "--ask")
    assert (result.code, result.stderr) == (UNKNOWN, "")
    assert "--ping and --ask exclude each other" in result.stdout


def test_servers_that_no_haproxy_has_yet_are_asked(members):
    """As the Ansible role haproxy does before its HAProxy has them."""
    abilities.require_root("a HAProxy that changes to the user haproxy")
    programs = public_copy("checkpgroutes").parent
    servers = "".join(f"    server {each.name} {each.address}:{each.port}\n" for each in members)
    backends = "".join(f"backend {name}-backend\n{servers}" for name in (haproxy.READ_WRITE, haproxy.READ_ONLY))
    script = (REPOSITORY / "ansible/roles/haproxy/files/ask-new-servers").read_text()
    places = scratch.directory("places")
    places.chmod(0o755)
    run = subprocess.run(["sh", "-s", backends], input=script, text=True, timeout=60, capture_output=True, env={
        "PATH": f"{programs}:{os.environ['PATH']}", "TMPDIR": str(places),
        "CHECKPG_CONFIG": str(write_configuration("user = checkpg\n"))})
    found = json.loads(run.stdout)["asked"]
    assert [(server["name"], server["max_connections"]) for server in found] == [
        (each.name, 30) for each in members], run.stderr
    assert not list(places.iterdir())
