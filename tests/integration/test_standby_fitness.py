"""A standby fit to read from: what max-replay-lag, max-replay-delay and require-streaming find, and
that they leave a healthy standby alone."""

import json
import os
import re
import signal
import threading
import time

import pytest
from harness import ports, scratch
from harness.checks import Code, ask, run_check
from harness.clusters import Proxy, allow_replication_over_tcp, connections, peers, restored
from harness.postgres import Server, as_postgres
from harness.waiting import PATIENCE, wait_for

OK, NOT_FIT = (Code.OK, ""), (Code.STANDBY_NOT_FIT, "")
PATIENT = "timeout = 20s\n"
STREAMING = f"{PATIENT}require-streaming = on\n"
LAG = f"{PATIENT}max-replay-lag = 256kB\n"
DELAY = f"{PATIENT}max-replay-delay = 300ms\n"
EVERYTHING = f"{PATIENT}require-streaming = on\nmax-replay-lag = 16MB\nmax-replay-delay = 10s\n"


# What has been committed is on its way to the standby then, not waiting for the WAL writer.
SETTINGS = {"synchronous_commit": "on"}


@pytest.fixture(scope="module")
def pair():
    with (Server("primary", settings=SETTINGS).create() as primary,
          Server("standby").create_standby(of=primary) as standby):
        primary.sql("CREATE ROLE monitor LOGIN; GRANT pg_read_all_stats TO monitor;"
                    "CREATE TABLE load (n integer, filler text)")
        yield primary, standby


@pytest.fixture
def primary(pair):
    return pair[0]


@pytest.fixture
def standby(pair):
    """A standby that streams and has replayed everything; a test may configure and pause it."""
    primary, standby = pair
    primary.wait_for_standbys(1)
    standby.wait_for_replay()
    with restored(*pair):
        yield standby
        if not primary.is_running():
            primary.start()
        if standby.is_in_recovery():
            standby.sql("SELECT pg_wal_replay_resume()")


def code(standby, configuration):
    return ask("checkpgstandby", standby, configuration=configuration).code


def wait_for_code(standby, configuration, wanted, timeout=15):
    """Waits until the check says so."""
    seen = []
    try:
        wait_for(lambda: seen.append(code(standby, configuration)) or seen[-1] == wanted,
                 f"{wanted!r}", timeout)
    except Exception as error:
        error.add_note(f"the last answer was {seen[-1]}")
        raise


def reason(standby, configuration):
    """The one line a person reads."""
    return run_check("checkpgstandby", standby.address, standby.port,
                     configuration=configuration).stdout


def write(primary, kilobytes=1):
    primary.sql("INSERT INTO load SELECT n, repeat('x', 980) "
                f"FROM generate_series(1, {kilobytes}) n")


def write_while_paused(primary, standby, kilobytes=1):
    """Pauses the replay and waits until what is written then has been received."""
    standby.sql("SELECT pg_wal_replay_pause()")
    write(primary, kilobytes)
    wait_for_receipt(primary, standby)


def wait_for_receipt(primary, standby):
    written = primary.all_written()
    wait_for(lambda: standby.sql(f"SELECT pg_last_wal_receive_lsn() >= '{written}'") == "t",
             f"{standby} to receive up to {written}")


@pytest.mark.versions("standby fitness")
def test_a_healthy_standby_meets_every_demand(standby):
    assert ask("checkpgstandby", standby, configuration=EVERYTHING).outcome == OK


def test_the_demands_on_a_standby_are_none_on_a_primary(primary, standby):
    assert ask("checkpgprimary", primary, configuration=EVERYTHING).outcome == OK
    assert ask("checkpgprimary", standby, configuration=EVERYTHING).code == Code.OTHER_ROLE
    assert ask("checkpgstandby", primary, configuration=EVERYTHING).code == Code.OTHER_ROLE


class TestPausedReplay:
    def test_without_a_limit_it_is_no_matter(self, primary, standby):
        write_while_paused(primary, standby, 1000)
        assert ask("checkpgstandby", standby, configuration=STREAMING).outcome == OK

    def test_the_lag_is_found_and_heals(self, primary, standby):
        assert ask("checkpgstandby", standby, configuration=LAG).outcome == OK
        write_while_paused(primary, standby, 1000)
        assert ask("checkpgstandby", standby, configuration=LAG).outcome == NOT_FIT
        assert "256kB" in reason(standby, LAG)
        standby.sql("SELECT pg_wal_replay_resume()")
        wait_for_code(standby, LAG, Code.OK)

    def test_a_lag_below_the_limit_is_allowed(self, primary, standby):
        write_while_paused(primary, standby, 10)
        assert ask("checkpgstandby", standby, configuration=LAG).outcome == OK
        assert code(standby, f"{PATIENT}max-replay-lag = 0\n") == Code.STANDBY_NOT_FIT

    @pytest.mark.versions("standby fitness")
    def test_the_delay_is_found_and_heals(self, primary, standby):
        write_while_paused(primary, standby)
        wait_for_code(standby, DELAY, Code.STANDBY_NOT_FIT)
        assert "300ms" in reason(standby, DELAY)
        standby.sql("SELECT pg_wal_replay_resume()")
        wait_for_code(standby, DELAY, Code.OK)

    def test_a_delay_below_the_limit_is_allowed(self, primary, standby):
        write_while_paused(primary, standby)
        assert code(standby, f"{PATIENT}max-replay-delay = 1h\n") == Code.OK

    def test_an_open_transaction_hides_no_commit_that_waits(self, primary, standby):
        """What it writes is sent by whole pages, and what was received then ends with one: that
        looks like half a record, and has a commit in it."""
        write_while_paused(primary, standby)
        wait_for_age(standby, "310 ms")
        with primary.session() as client:
            client.sql("BEGIN; SELECT 1")
            wait_for(lambda: client.sql("INSERT INTO load SELECT 1 FROM generate_series(1, 25); "
                                        "SELECT 1") and ends_with_a_page(standby),
                     "a whole page on the standby")
            assert int(standby.sql(WAITING)) < 32 * 1024
            for _ in range(5):
                assert ask("checkpgstandby", standby, configuration=DELAY).outcome == NOT_FIT

    def test_a_pause_in_which_nothing_is_written_is_no_delay(self, primary, standby):
        standby.wait_for_replay()
        primary.freeze()  # its background processes write now and then, too
        try:
            standby.sql("SELECT pg_wal_replay_pause()")
            wait_for_age(standby, "500 ms")
            for _ in range(5):
                assert ask("checkpgstandby", standby, configuration=DELAY).outcome == OK
        finally:
            primary.thaw()


class TestSlowReplay:
    def test_replay_that_waits_longer_than_the_delay_allowed_is_found(self, primary, standby):
        standby.set(recovery_min_apply_delay="3s")
        write(primary)
        wait_for_code(standby, DELAY, Code.STANDBY_NOT_FIT)
        standby.set(recovery_min_apply_delay="0")
        wait_for_code(standby, DELAY, Code.OK)

    def test_replay_that_is_late_behind_a_long_transaction_but_less_than_allowed(self, primary,
                                                                                 standby):
        """Nothing is committed for longer than allowed, and replay is up to half a second late."""
        primary.set(wal_writer_delay="10ms")
        configuration = "timeout = 5s\nmax-replay-delay = 2s\n"
        wait_for_age(standby, "2100 ms")
        with primary.session() as client:
            client.sql("BEGIN; SELECT 1")
            with KeepDoing(lambda: client.sql(MUCH)), \
                    KeepDoing(lambda: stutter(startup_process(standby))):
                wait_for(lambda: int(standby.sql(WAITING)) > 65536, "late replay")
                asked = [ask("checkpgstandby", standby, configuration=configuration).outcome
                         for _ in range(12)]
        assert asked == [OK] * 12

    def test_a_wait_below_the_delay_allowed_is_no_matter(self, primary, standby):
        standby.set(recovery_min_apply_delay="1s")
        write(primary)
        assert code(standby, f"{PATIENT}max-replay-delay = 1h\n") == Code.OK


class TestStreaming:
    def test_a_standby_without_primary_conninfo(self, primary, standby):
        standby.set(primary_conninfo="")
        wait_for_code(standby, STREAMING, Code.STANDBY_NOT_FIT)
        assert "no WAL receiver" in reason(standby, STREAMING)
        assert code(standby, PATIENT) == Code.OK
        standby.follow(primary)
        wait_for_code(standby, STREAMING, Code.OK)

    @pytest.mark.versions("standby fitness")
    def test_a_standby_whose_primary_is_stopped(self, primary, standby):
        primary.stop()
        wait_for_code(standby, STREAMING, Code.STANDBY_NOT_FIT)
        primary.start()
        wait_for_code(standby, STREAMING, Code.OK)

    def test_a_standby_whose_primary_is_killed(self, primary, standby):
        primary.kill()
        wait_for_code(standby, STREAMING, Code.STANDBY_NOT_FIT)
        primary.start()
        wait_for_code(standby, STREAMING, Code.OK)

    @pytest.mark.parametrize("role", ["checkpg", "monitor"])
    def test_a_cut_network_towards_the_primary(self, primary, standby, role):
        allow_replication_over_tcp(primary)
        anybody(standby)
        configuration = f"{STREAMING}user = {role}\n"
        with Proxy(primary) as proxy:
            standby.set(wal_receiver_timeout="1s", primary_conninfo=(
                f"host={proxy.address} port={proxy.port} user=postgres application_name=cut"))
            wait_for(lambda: primary.sql("SELECT state FROM pg_stat_replication WHERE "
                                         "application_name = 'cut'") == "streaming",
                     "the standby to stream through the proxy")
            assert ask("checkpgstandby", standby, configuration=configuration).outcome == OK
            proxy.cut()
            wait_for_code(standby, configuration, Code.STANDBY_NOT_FIT)
            proxy.mend()
            wait_for_code(standby, configuration, Code.OK)
            standby.follow(primary)
            primary.wait_for_standbys(1)

    def test_a_restarted_standby_that_cannot_reach_its_primary(self, primary, standby):
        """It has received nothing since its start: how far behind it is can't be known."""
        standby.set(primary_conninfo="")
        standby.restart()
        assert code(standby, PATIENT) == Code.OK
        assert code(standby, LAG) == Code.STANDBY_NOT_FIT
        assert "unknown" in reason(standby, LAG)
        assert code(standby, STREAMING) == Code.STANDBY_NOT_FIT
        standby.follow(primary)
        wait_for_code(standby, LAG + "require-streaming = on\n", Code.OK)


class TestLostReplication:
    """What waits is believed of a standby only as long as it has a WAL receiver."""

    def test_a_standby_cut_off_from_its_primary(self, primary, standby):
        allow_replication_over_tcp(primary)
        wait_for_age(standby, "310 ms")
        with Proxy(primary) as proxy:
            standby.set(wal_receiver_timeout="1s", primary_conninfo=(
                f"host={proxy.address} port={proxy.port} user=postgres application_name=cut"))
            primary.wait_for_standbys(1)
            wait_for_code(standby, DELAY, Code.OK)
            proxy.cut()
            wait_for_code(standby, DELAY, Code.STANDBY_NOT_FIT)
            assert "no WAL receiver" in reason(standby, DELAY)
            for _ in range(5):
                assert code(standby, DELAY) == Code.STANDBY_NOT_FIT
            proxy.mend()
            wait_for_code(standby, DELAY, Code.OK)
            standby.follow(primary)
            primary.wait_for_standbys(1)

    def test_a_standby_whose_primary_is_stopped_is_as_old_as_its_newest_row(self, primary, standby):
        primary.stop()
        wait_for_age(standby, "310 ms")
        assert code(standby, DELAY) == Code.STANDBY_NOT_FIT
        assert code(standby, f"{PATIENT}max-replay-delay = 1h\n") == Code.OK
        primary.start()
        wait_for_code(standby, DELAY, Code.OK)

    def test_a_standby_restarted_while_its_primary_is_down_has_no_age(self, primary, standby):
        """What it has was committed before its start, nobody knows when."""
        primary.sql("CHECKPOINT")
        standby.wait_for_replay()
        primary.stop()
        standby.sql("CHECKPOINT")
        standby.restart()
        assert standby.sql("SELECT pg_last_xact_replay_timestamp()") == ""
        configuration = f"{PATIENT}max-replay-delay = 3s\n"
        assert code(standby, configuration) == Code.STANDBY_NOT_FIT
        assert "the age of its data is unknown" in reason(standby, configuration)
        assert code(standby, f"{configuration}require-streaming = with-primary\n"
                             f"{peers(primary)}") == Code.OK
        primary.start()
        wait_for_code(standby, configuration, Code.OK)

    def test_a_receiver_that_can_not_stream_comes_and_goes_and_counts_for_nothing(self, primary,
                                                                                  standby):
        """As of a standby that was left behind by a promotion: it tries again and again."""
        wait_for_age(standby, "310 ms")
        with Server("stranger").create(own_identity=True) as stranger:
            standby.set(wal_retrieve_retry_interval="1ms",
                        primary_conninfo=stranger._superuser(application="lost"))
            wait_for(lambda: "identifier differs" in standby.log(), "a WAL receiver to give up")
            asked = AskInALoop(standby, DELAY)
            with asked:
                wait_for(lambda: asked.count > 60, "60 answers", 120)
            assert asked.codes == {Code.STANDBY_NOT_FIT}
            standby.follow(primary)
            wait_for_code(standby, DELAY, Code.OK)


class TestWithPrimary:
    """A standby without a WAL receiver, refused only beside a primary."""

    @staticmethod
    def beside(*servers, patience=""):
        return f"{PATIENT}require-streaming = with-primary\n{peers(*servers)}{patience}"

    def test_one_that_streams_asks_no_peer(self, primary, standby):
        position = primary.log_position()
        assert ask("checkpgstandby", standby, configuration=self.beside(primary)).outcome == OK
        assert connections(primary, position) == 0

    def test_one_that_does_not_is_refused_beside_a_primary(self, primary, standby):
        standby.set(primary_conninfo="")
        configuration = self.beside(primary, standby)
        wait_for_code(standby, configuration, Code.STANDBY_NOT_FIT)
        assert (f"it has no WAL receiver, and 127.0.0.1, port {primary.port}, is primary"
                in reason(standby, configuration))
        standby.follow(primary)
        wait_for_code(standby, configuration, Code.OK)

    def test_reads_go_on_while_there_is_no_primary(self, primary, standby):
        configuration = self.beside(primary, standby, patience="max-replay-delay = 300ms\n")
        wait_for_age(standby, "310 ms")
        assert code(standby, configuration) == Code.OK
        primary.kill()
        asked = AskInALoop(standby, configuration)
        with asked:
            wait_for(lambda: asked.count > 20 and code(standby, STREAMING) ==
                     Code.STANDBY_NOT_FIT, "the WAL receiver to be gone")
            standby.restart()
            enough = asked.count + 20
            wait_for(lambda: asked.count > enough, "more answers", 60)
        assert asked.codes <= {Code.OK, Code.UNREACHABLE, Code.NOT_READY, Code.UNEXPECTED_ANSWER}
        run = ask("checkpgstandby", standby, configuration=configuration)
        assert run.outcome == OK
        assert "no peer is known to be primary" in reason(standby, configuration)
        primary.start()
        wait_for_code(standby, configuration, Code.OK)

    def test_what_surely_waits_is_too_old_without_a_primary_too(self, primary, standby):
        write_while_paused(primary, standby, 100)
        primary.stop()
        wait_for_age(standby, "310 ms")
        configuration = self.beside(primary, patience="max-replay-delay = 300ms\n")
        wait_for_code(standby, STREAMING, Code.STANDBY_NOT_FIT)
        assert code(standby, configuration) == Code.STANDBY_NOT_FIT
        primary.start()

    def test_patience_is_the_delay_allowed_and_costs_no_question(self, primary, standby):
        standby.set(primary_conninfo="")
        wait_for_code(standby, STREAMING, Code.STANDBY_NOT_FIT)
        position = primary.log_position()
        patient = self.beside(primary, patience="max-replay-delay = 1h\n")
        assert ask("checkpgstandby", standby, configuration=patient).outcome == OK
        assert connections(primary, position) == 0
        wait_for_age(standby, "310 ms")
        hurried = self.beside(primary, patience="max-replay-delay = 300ms\n")
        assert ask("checkpgstandby", standby, configuration=hurried).outcome == NOT_FIT
        assert connections(primary, position) == 1
        standby.follow(primary)
        wait_for_code(standby, hurried, Code.OK)

    def test_a_peer_that_is_no_primary_or_not_there_is_no_matter(self, primary, standby):
        standby.set(primary_conninfo="")
        wait_for_code(standby, STREAMING, Code.STANDBY_NOT_FIT)
        nobody = f"require-streaming = with-primary\npeers = 127.0.0.1:{ports.free_port()}\n"
        assert ask("checkpgstandby", standby, configuration=nobody).outcome == OK
        standby.follow(primary)
        wait_for_code(standby, STREAMING, Code.OK)

    def test_it_needs_peers(self, primary, standby):
        configuration = "require-streaming = with-primary\n"
        run = ask("checkpgstandby", standby, configuration=configuration)
        assert run.code == Code.CONFIGURATION
        assert "with-primary needs peers" in run.stderr
        assert ask("checkpgprimary", primary, configuration=configuration).outcome == OK


@pytest.fixture(scope="module")
def archive():
    """A primary that archives, and the directory it archives to."""
    directory = scratch.directory("archive")
    if user := as_postgres():
        os.chown(directory, user["user"], user["group"])
    settings = {**SETTINGS, "archive_mode": "on", "archive_command": f"cp %p {directory}/%f"}
    with Server("origin", settings=settings).create() as origin:
        origin.sql("CREATE TABLE load (n integer, filler text)")
        yield origin, directory


def archived(origin):
    """Commits a row, and waits until the archive has it."""
    write(origin)
    file = origin.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
    origin.sql("SELECT pg_switch_wal()")
    wait_for(lambda: origin.sql("SELECT last_archived_wal FROM pg_stat_archiver") >= file,
             f"{file} in the archive")


class TestArchive:
    """A standby that lives from the archive: its newest row is all that is known."""

    BOTH = f"{PATIENT}max-replay-lag = 256kB\nmax-replay-delay = 3s\n"

    @pytest.fixture
    def restoring(self, archive):
        origin, directory = archive
        with Server("restoring").create_standby(of=origin, start=False) as standby:
            standby.set(restore_command=f"cp {directory}/%f %p")
            yield standby

    @staticmethod
    def wait_for_rows(standby, origin):
        rows = origin.sql("SELECT count(*) FROM load")
        wait_for(lambda: standby.sql("SELECT count(*) FROM load") == rows, f"{rows} rows")

    def judge(self, standby, origin, known):
        archived(origin)
        self.wait_for_rows(standby, origin)
        assert ask("checkpgstandby", standby, configuration=self.BOTH).outcome == OK
        assert standby.sql("SELECT pg_last_wal_receive_lsn() < pg_last_wal_replay_lsn()") == known
        assert code(standby, LAG) == Code.STANDBY_NOT_FIT
        assert "from an archive" in reason(standby, LAG)
        wait_for_age(standby, "3100 ms")
        for _ in range(3):
            assert ask("checkpgstandby", standby, configuration=self.BOTH).outcome == NOT_FIT

    def test_one_that_never_streamed(self, archive, restoring):
        restoring.set(primary_conninfo="")
        restoring.start()
        self.judge(restoring, archive[0], "")

    def test_one_that_streamed_once(self, archive, restoring):
        restoring.start()
        archive[0].wait_for_standbys(1)
        restoring.wait_for_replay()
        restoring.set(primary_conninfo="")
        wait_for_code(restoring, STREAMING, Code.STANDBY_NOT_FIT)
        archived(archive[0])
        self.wait_for_rows(restoring, archive[0])
        self.judge(restoring, archive[0], "t")

    def test_a_demand_that_it_streams_refuses_both(self, archive, restoring):
        restoring.set(primary_conninfo="")
        restoring.start()
        assert code(restoring, STREAMING) == Code.STANDBY_NOT_FIT
        assert code(restoring, f"{STREAMING}max-replay-delay = 1h\n") == Code.STANDBY_NOT_FIT


class TestByHand:
    def test_lag_and_delay_are_shown_without_any_limit(self, primary, standby):
        write_while_paused(primary, standby, 3200)
        wait_for_age(standby, "2 s")
        run = run_check("checkpgstandby", standby.address, standby.port)
        assert (run.code, run.stderr) == (Code.OK, "")
        assert re.search(r": standby; no limits are set; lag \d\.\d MB, last replayed transaction "
                         r"\d+\.\d s old, replay is paused\n$", run.stdout), run.stdout
        run = run_check("checkpgstandby", "--json", standby.address, standby.port)
        server = json.loads(run.stdout)["server"]
        assert server["replay_lag_bytes"] > 3_000_000 and server["last_replay_age_ms"] > 2000
        assert (server["replay_paused"], server["behind"]) == (True, True)

    def test_with_limits_they_are_shown_beside_the_verdict(self, standby):
        said = reason(standby, EVERYTHING)
        assert re.search(r": standby, fit by the limits you set; lag \d+ B, last replayed transaction "
                         r"\S+ ?\S* old, nothing waits\n$", said), said

    def test_what_is_only_shown_changes_no_verdict(self, primary, standby):
        function = "FUNCTION pg_last_wal_replay_lsn()"
        primary.sql(f"REVOKE EXECUTE ON {function} FROM PUBLIC")
        standby.wait_for_replay()
        try:
            run = run_check("checkpgstandby", standby.address, standby.port)
            assert (run.code, run.stderr) == (Code.OK, "")
            assert run.stdout.endswith(": standby; no limits are set\n")
        finally:
            primary.sql(f"GRANT EXECUTE ON {function} TO PUBLIC")
            standby.wait_for_replay()

    def test_haproxy_asks_only_for_what_decides(self, primary, standby):
        primary.sql("ALTER ROLE checkpg SET log_statement = 'all'")
        standby.wait_for_replay()
        position = standby.log_position()
        try:
            assert ask("checkpgstandby", standby).outcome == OK
            assert re.findall(r"statement: (.*)", standby.log(position)) == [
                "SELECT pg_catalog.pg_is_in_recovery()"]
        finally:
            primary.sql("ALTER ROLE checkpg RESET log_statement")


class TestRoles:
    @pytest.mark.versions("standby fitness")
    def test_a_role_without_pg_read_all_stats_sees_that_there_is_a_receiver(self, standby):
        run = run_check("checkpgstandby", "-v", standby.address, standby.port,
                        configuration=STREAMING)
        assert (run.code, run.stderr) == (Code.OK, "")
        assert "GRANT pg_read_all_stats" in run.stdout

    @pytest.mark.versions("standby fitness")
    def test_a_role_with_pg_read_all_stats_sees_that_it_streams(self, standby):
        anybody(standby)
        run = run_check("checkpgstandby", "--json", "-U", "monitor", standby.address, standby.port,
                        configuration=STREAMING)
        assert run.code == Code.OK
        assert json.loads(run.stdout)["server"]["wal_receiver"] == "streaming"

    @pytest.mark.parametrize("role", ["checkpg", "monitor"])
    def test_both_see_that_there_is_none(self, primary, standby, role):
        anybody(standby)
        configuration = f"{STREAMING}user = {role}\n"
        assert ask("checkpgstandby", standby, configuration=configuration).outcome == OK
        standby.set(primary_conninfo="")
        wait_for_code(standby, configuration, Code.STANDBY_NOT_FIT)
        run = run_check("checkpgstandby", "--json", standby.address, standby.port,
                        configuration=configuration)
        assert json.loads(run.stdout)["server"]["wal_receiver"] == "none"
        standby.follow(primary)
        wait_for_code(standby, configuration, Code.OK)


class TestQuietTimes:
    def test_a_cluster_idle_for_longer_than_the_delay_is_not_stale(self, standby):
        wait_for_age(standby, "1 s")
        for _ in range(20):
            assert ask("checkpgstandby", standby, configuration=DELAY).outcome == OK
        run = run_check("checkpgstandby", "--json", standby.address, standby.port,
                        configuration=DELAY)
        server = json.loads(run.stdout)["server"]
        assert server["last_replay_age_ms"] > 1000
        assert (server["behind"], server["replay_lag_bytes"]) == (False, 0)

    def test_a_restarted_idle_standby_is_not_stale(self, primary, standby):
        standby.restart()
        wait_for_code(standby, EVERYTHING, Code.OK)
        wait_for_age(standby, "500 ms")
        primary.sql("CHECKPOINT")  # its WAL receiver has to receive something, and no transaction
        wait_for_code(standby, DELAY, Code.OK)
        for _ in range(5):
            assert ask("checkpgstandby", standby, configuration=DELAY).outcome == OK

    def test_wal_without_transactions_is_not_stale(self, primary, standby):
        """A checkpoint is replayed at once and makes no last transaction younger."""
        wait_for_age(standby, "500 ms")
        asked = AskInALoop(standby, DELAY)
        with asked:
            for _ in range(10):
                primary.sql("CHECKPOINT; SELECT pg_switch_wal()")
        assert asked.codes == {Code.OK}

    def test_the_first_wal_after_a_quiet_time_is_never_too_late(self, primary, standby):
        """A client commits now and then, always a little later than the delay allowed: what
        arrives then is, for a moment, behind a transaction that is older than that."""
        asked = AskInALoop(standby, DELAY)
        with asked, primary.session() as client:
            for _ in range(20):
                wait_for_age(standby, "310 ms")
                client.sql("INSERT INTO load VALUES (1) RETURNING n")
        assert asked.codes == {Code.OK}, asked.codes
        assert asked.count > 20

    def test_a_long_transaction_that_keeps_writing_is_not_stale(self, primary, standby):
        """Nothing is committed for longer than the delay allowed, and WAL always on its way."""
        primary.set(wal_writer_delay="1ms")
        wait_for_age(standby, "310 ms")
        asked = AskInALoop(standby, DELAY)
        with asked, primary.session() as client:
            client.sql("BEGIN; SELECT 1")
            while asked.count < 60:
                client.sql("INSERT INTO load VALUES (1) RETURNING n")
            client.sql("COMMIT; SELECT 1")
        assert asked.codes == {Code.OK}, asked.codes


    @pytest.mark.parametrize("role, outcome", {"monitor": OK, "checkpg": NOT_FIT}.items())
    def test_an_open_transaction_that_pauses(self, primary, standby, role, outcome):
        """What no commit asks for is sent by whole pages, which end in the middle of a record: its
        beginning has been received and can't be replayed, for up to 15 seconds. Only a member of
        pg_read_all_stats sees that replay waits for the rest; for others there may be a commit."""
        anybody(standby)
        configuration = f"{DELAY}user = {role}\n"
        primary.set(wal_writer_delay="10ms")
        wait_for_age(standby, "310 ms")
        with primary.session() as client:
            client.sql("BEGIN; SELECT 1")
            position = "SELECT pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()"
            for _ in range(5):
                wait_for(lambda: leaves_half_a_record(client, standby), "half a record there")
                before = standby.sql(position)
                found = ask("checkpgstandby", standby, configuration=configuration).outcome
                # The server's own snapshot of each 15 seconds may have completed it.
                assert found == outcome or standby.sql(position) != before


class KeepDoing:
    """Does something again and again while a `with` block lasts."""

    def __init__(self, act):
        self._act = act
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exception):
        self._enough.set()
        self._thread.join()

    def _run(self):
        while not self._enough.is_set():
            self._act()


class AskInALoop:
    """Asks a standby without a pause while a `with` block lasts."""

    def __init__(self, standby, configuration):
        self.codes = set()
        self.count = 0
        self._standby, self._configuration = standby, configuration
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(2)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exception):
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def _ask(self):
        while not self._enough.is_set():
            self.codes.add(code(self._standby, self._configuration))
            self.count += 1


def test_a_verdict_takes_no_longer_than_the_timeout_though_it_asks_twice(primary, standby):
    write_while_paused(primary, standby)
    wait_for_code(standby, DELAY, Code.STANDBY_NOT_FIT)
    run = ask("checkpgstandby", standby, configuration="max-replay-delay = 300ms\n")
    assert run.outcome == NOT_FIT
    assert run.seconds < 1.5 + 1.0 * PATIENCE


def test_a_pause_is_told_in_one_line_and_in_json(primary, standby):
    write_while_paused(primary, standby, 1000)
    run = run_check("checkpgstandby", "-v", standby.address, standby.port, configuration=LAG)
    assert (run.code, run.stderr) == (Code.STANDBY_NOT_FIT, "")
    assert "received" in run.stdout and "replayed" in run.stdout
    run = run_check("checkpgstandby", "--json", standby.address, standby.port, configuration=LAG)
    told = json.loads(run.stdout)
    assert (told["exit_code"], told["wanted"]) == (Code.STANDBY_NOT_FIT, "standby")
    assert told["server"]["replay_lag_bytes"] > 256 * 1024
    assert told["server"]["behind"] is True


@pytest.mark.parametrize("digits", ["0", "3", "-15"])
def test_how_the_server_prints_numbers_changes_nothing(primary, standby, digits):
    primary.sql(f"ALTER ROLE checkpg SET extra_float_digits = '{digits}'")
    try:
        standby.wait_for_replay()
        write_while_paused(primary, standby)
        assert code(standby, f"{PATIENT}max-replay-delay = 1h\n") == Code.OK
        wait_for_code(standby, DELAY, Code.STANDBY_NOT_FIT)
    finally:
        standby.sql("SELECT pg_wal_replay_resume()")
        primary.sql("ALTER ROLE checkpg RESET extra_float_digits")


def anybody(server):
    """Lets every role in."""
    server.authenticate("trust", role="all")


#: Bytes that a standby has received and not yet replayed.
WAITING = "SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())"


#: Writes 100 kB and returns a line.
MUCH = ("INSERT INTO load SELECT n, repeat('x', 980) FROM generate_series(1, 100) n; "
        "SELECT pg_sleep(0.02)")


def ends_with_a_page(standby):
    """Whether what the standby has received ends with a page of WAL."""
    return standby.sql("SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0') % 8192") == "0"


def leaves_half_a_record(client, standby):
    """Writes a little, and whether the standby has half a record, and waits for the rest."""
    client.sql("INSERT INTO load SELECT 1 FROM generate_series(1, 200); SELECT 1")
    time.sleep(0.3)
    return int(standby.sql(WAITING)) > 0


def startup_process(standby):
    """The process that replays."""
    return int(standby.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'"))


def stutter(pid):
    """Stops a process for a while, and lets it go on for a moment."""
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(0.4)
    finally:
        os.kill(pid, signal.SIGCONT)
    time.sleep(0.05)


def wait_for_age(standby, age):
    """Waits until the last transaction the standby has replayed is this old."""
    wait_for(lambda: standby.sql("SELECT clock_timestamp() - COALESCE(pg_last_xact_replay_"
                                 "timestamp(), pg_postmaster_start_time()) > interval "
                                 f"'{age}'") == "t", f"a quiet time of {age}")
