"""Fixtures of the integration tests: servers that last for the whole run of one test file."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness import abilities, certificates, ports, scratch, versions  # noqa: E402
from harness.postgres import Server  # noqa: E402

scratch.end_on_signals()


def pytest_configure(config):
    config.addinivalue_line("markers", "versions(topic): runs on Debians of other versions, too (tests/versions)")


def pytest_collection_modifyitems(items):
    versions.PROGRAMS.tell(items)


@pytest.fixture(scope="session", autouse=True)
def clean_end():
    """Ends whatever the tests started as part of the run, not after it."""
    yield
    scratch.clean_up()


@pytest.fixture(scope="session")
def lasting_primary():
    with Server("db1").create() as server:
        yield server


@pytest.fixture(scope="session")
def lasting_standbys(lasting_primary):
    with (Server("db2").create_standby(of=lasting_primary) as db2,
          Server("db3").create_standby(of=lasting_primary) as db3):
        lasting_primary.wait_for_standbys(2)
        yield [db2, db3]


@pytest.fixture
def primary(lasting_primary):
    """A running primary; a test may configure it as it likes."""
    yield from _as_it_was(lasting_primary)


@pytest.fixture
def standby(lasting_standbys):
    """A standby that streams from `primary`; a test may configure it as it likes."""
    yield from _as_it_was(lasting_standbys[0])


@pytest.fixture
def standbys(lasting_standbys):
    """Two standbys that stream from `primary`."""
    return lasting_standbys


@pytest.fixture(scope="session")
def authority():
    return certificates.Authority()


@pytest.fixture
def ipv6():
    if not ports.has_ipv6():
        abilities.cannot("there is no ::1 on this machine")


def _as_it_was(server):
    before = server.configuration()
    yield server
    server.thaw()
    server.restore(before)
