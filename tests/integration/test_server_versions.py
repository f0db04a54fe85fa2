"""Everything a check can ask works on every PostgreSQL version that is installed."""

import pytest
from harness.checks import Code, ask
from harness.clusters import peers, program_directories
from harness.postgres import Server
from harness.waiting import wait_for

PRIMARY = "timeout = 20s\npeer-timeout = 10s\nrequire-writable = on\n"
STANDBY = ("timeout = 20s\nrequire-streaming = on\nmax-replay-lag = 16MB\n"
           "max-replay-delay = 1h\n")


@pytest.fixture(scope="module", params=program_directories().values(),
                ids=[f"PostgreSQL {version}" for version in program_directories()])
def pair(request):
    with (Server("db1", bin=request.param).create() as primary,
          Server("db2", bin=request.param).create_standby(of=primary) as standby):
        primary.wait_for_standbys(1)
        standby.wait_for_replay()
        yield primary, standby


@pytest.mark.versions("standby fitness")
def test_a_primary_and_a_standby_meet_every_demand(pair):
    primary, standby = pair
    configuration = PRIMARY + peers(primary, standby) + f"[Other]\npeers = localhost:{primary.port}"
    assert ask("checkpgprimary", primary, configuration=configuration).outcome == (Code.OK, "")
    assert ask("checkpgprimary", primary, configuration=configuration,
               backend="Other").outcome == (Code.OK, "")
    assert ask("checkpgprimary", standby, configuration=configuration).code == Code.OTHER_ROLE
    assert ask("checkpgstandby", standby, configuration=STANDBY).outcome == (Code.OK, "")
    assert ask("checkpgstandby", primary, configuration=STANDBY).code == Code.OTHER_ROLE


@pytest.mark.versions("standby fitness")
def test_a_demand_that_is_not_met_is_found(pair):
    primary, standby = pair
    primary.set(default_transaction_read_only="on")
    assert ask("checkpgprimary", primary, configuration=PRIMARY).outcome == (Code.READ_ONLY, "")
    primary.set(default_transaction_read_only="off")
    standby.sql("SELECT pg_wal_replay_pause()")
    primary.sql("CREATE TABLE load AS SELECT generate_series(1, 1000)")
    strict = STANDBY.replace("16MB", "1kB")
    wait_for(lambda: ask("checkpgstandby", standby, configuration=strict).outcome ==
             (Code.STANDBY_NOT_FIT, ""), "the lag to be found")
    standby.sql("SELECT pg_wal_replay_resume()")
    standby.wait_for_replay()


@pytest.mark.versions("split brain")
def test_two_primaries_are_told_apart_by_their_timelines(pair):
    primary, standby = pair
    standby.promote()
    configuration = PRIMARY + peers(primary, standby)
    for each in pair:
        assert ask("checkpgprimary", each, configuration=configuration).code == Code.SPLIT_BRAIN
    newest = f"{configuration}split-brain = newest-timeline\n"
    assert ask("checkpgprimary", primary, configuration=newest).code == Code.SPLIT_BRAIN
    assert ask("checkpgprimary", standby, configuration=newest).outcome == (Code.OK, "")
