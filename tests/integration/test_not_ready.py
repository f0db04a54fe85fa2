"""A server that is there and can't take us now: exit code 5."""

import os
import re
import subprocess

import pytest
from harness.checks import REPOSITORY, Code, ask, run_check
from harness.hostile import StandIn, fail_query, refuse
from harness.postgres import Server, Session, hba_lines, psql
from harness.waiting import wait_for

NOT_READY = (Code.NOT_READY, "")


@pytest.mark.parametrize("program", ["checkpgprimary", "checkpgstandby"])
@pytest.mark.versions("exit codes")
def test_a_server_that_starts_up(stuck_at_start, program):
    assert ask(program, stuck_at_start).outcome == NOT_READY
    assert "the database system is starting up" in stuck_at_start.log()


@pytest.mark.versions("exit codes")
def test_a_standby_that_is_not_consistent_yet(stuck_before_consistency):
    assert ask("checkpgstandby", stuck_before_consistency).outcome == NOT_READY


@pytest.mark.versions("exit codes")
def test_a_standby_without_hot_standby(primary):
    server = Server("cold", settings={"hot_standby": "off"})
    with server.create_standby(of=primary, start=False).start(wait=False):
        wait_for(lambda: "consistent recovery state reached" in server.log(), "a standby that serves nobody")
        assert ask("checkpgstandby", server).outcome == NOT_READY
        assert ask("checkpgprimary", server).outcome == NOT_READY


@pytest.mark.parametrize("program", ["checkpgprimary", "checkpgstandby"])
@pytest.mark.versions("exit codes")
def test_a_server_that_shuts_down(program):
    with Server("leaving").create() as server, server.session():
        server.stop("smart", wait=False)
        wait_for(lambda: server.status() == "rejecting connections", "the shutdown to begin")
        assert ask(program, server).outcome == NOT_READY
        assert "the database system is shutting down" in server.log()


@pytest.mark.versions("exit codes")
def test_every_connection_is_taken(crowded):
    server, fill = crowded
    fill(4)
    assert ask("checkpgprimary", server).outcome == NOT_READY
    assert "sorry, too many clients already" in server.log()


@pytest.mark.versions("exit codes")
def test_only_the_superusers_connections_are_left(crowded):
    server, fill = crowded
    fill(3)
    assert ask("checkpgprimary", server).outcome == NOT_READY
    assert "remaining connection slots are reserved" in server.log()


def test_a_limit_for_the_applications_role_keeps_one_for_the_check(crowded):
    server, _ = crowded
    server.sql("CREATE ROLE app LOGIN CONNECTION LIMIT 2")
    server.set_hba(*hba_lines("trust"), *hba_lines("trust", role="app"))
    app = f"host={server.address} port={server.port} user=app dbname=postgres"
    with Session(app), Session(app):
        with pytest.raises(subprocess.CalledProcessError) as refused:
            psql(app, "SELECT 1")
        assert "too many connections" in refused.value.stderr
        assert ask("checkpgprimary", server).outcome == (Code.OK, "")


@pytest.mark.versions("exit codes")
def test_the_example_creates_the_role_on_every_version(primary):
    """With what is reserved for it from 16 on. Rolled back: the role is there already."""
    script = (REPOSITORY / "docs/examples/create-role.sql").read_text()
    script = script.replace("\\password checkpg\n", "").replace("checkpg", "another")
    session = [primary.bin / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-h", primary.socket.parent,
               "-p", str(primary.port), "-U", "postgres", "-d", "postgres"]
    ran = subprocess.run(session, input=f"BEGIN;\n{script}\nROLLBACK;\n", capture_output=True,
                         text=True, env={"PATH": os.defpath, "LC_ALL": "C"})
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count("GRANT ROLE") == (2 if primary.version >= 16 else 1)


def test_the_roles_connection_limit_is_used_up(primary):
    primary.sql("ALTER ROLE checkpg CONNECTION LIMIT 0")
    assert ask("checkpgprimary", primary).outcome == NOT_READY
    primary.sql("ALTER ROLE checkpg CONNECTION LIMIT -1")


@pytest.mark.parametrize("sqlstate", ["57P01", "57P02", "57P03", "53300"])
def test_the_sqlstate_decides_at_login_whatever_the_message_says(sqlstate):
    with StandIn(refuse(sqlstate, "password authentication failed")) as server:
        assert ask("checkpgprimary", server).outcome == NOT_READY


@pytest.mark.parametrize("sqlstate", ["57P01", "57P02"])
def test_the_session_is_ended_at_the_query(sqlstate):
    with StandIn(fail_query(sqlstate, "FATAL")) as server:
        assert ask("checkpgprimary", server).outcome == NOT_READY


def test_a_person_reads_what_the_server_said(stuck_at_start):
    run = run_check("checkpgprimary", stuck_at_start.address, stuck_at_start.port)
    assert (run.code, run.stderr) == (Code.NOT_READY, "")
    assert "starting up" in run.stdout and run.stdout.count("\n") == 1


@pytest.fixture
def stuck_at_start(primary):
    """A standby that waits for the very first file its archive may have."""
    server = Server("stuck").create_standby(of=primary, start=False)
    server.set(restore_command=f"cat {_fifo(server)} && false")
    server.start(wait=False)
    wait_for(lambda: server.status() == "rejecting connections", "the start-up to begin")
    yield server
    _end(server)


@pytest.fixture
def stuck_before_consistency(primary):
    """A standby that replays, but waits for the WAL that would make it consistent again."""
    server = Server("stuck").create_standby(of=primary)
    primary.sql("CREATE TABLE filler AS SELECT generate_series(1, 100000)")
    primary.sql("DROP TABLE filler")
    primary.sql("SELECT pg_switch_wal()")
    server.wait_for_replay()
    server.stop()
    oldest = re.search(r"REDO WAL file: *(\w+)", server.control_data())[1]
    for segment in (server.data / "pg_wal").glob("0*"):
        if segment.name > oldest:
            segment.unlink()
    server.set(primary_conninfo=None, restore_command=(
        f"case %f in *.history|{oldest}) false;; *) cat {_fifo(server)} && false;; esac"))
    position = server.log_position()
    server.start(wait=False)
    wait_for(lambda: server.status() and "redo starts at" in server.log(position),
             "the standby to begin its recovery")
    yield server
    _end(server)


@pytest.fixture
def crowded():
    """A server for four sessions, one of them the superusers', and a function that opens some."""
    server = Server("crowded", settings={"max_connections": 4, "superuser_reserved_connections": 1,
                                         "max_wal_senders": 0, "wal_level": "minimal"})
    sessions = []
    with server.create():
        yield server, lambda count: sessions.extend(server.session() for _ in range(count))
        for session in sessions:
            session.close()


def _fifo(server):
    """A FIFO nobody writes to."""
    path = server.directory / "archive"
    os.mkfifo(path)
    path.chmod(0o644)
    return path


def _end(server):
    server.stop()  # in the middle of a restore_command an immediate stop takes longer
    server.close()
