"""The tests of tests/integration that are marked with a topic of the versions' table (docs/testing.md), on
Debians that have other versions of PostgreSQL and HAProxy. The executables are those of the release build."""

import re
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from harness import abilities, bare_machine, debian, scratch, versions  # noqa: E402
from harness.versions import PROGRAMS, ROOTS  # noqa: E402

scratch.end_on_signals()

#: What the tests need there; Python and pytest are this system's.
PACKAGES = ("postgresql", "haproxy", "openssl", "procps", "iproute2")

_SAY_VERSIONS = """
{ "${CHECKPG_TEST_HAPROXY:-haproxy}" -v
  "${CHECKPG_TEST_POSTGRES_BIN:-$(echo /usr/lib/postgresql/*/bin)}/postgres" -V
} >/results/versions || exit
"""


@pytest.fixture(scope="module", params=ROOTS)
def root(request):
    return request.param


@pytest.fixture(scope="module")
def run(root):
    if reason := bare_machine.cannot():
        abilities.cannot(reason)
    return versions.run_marked(
        "tests/integration", ROOTS[root].suite, PACKAGES, "--bind-ro=/usr:/host",
        f"--bind-ro={HERE}/python3:/usr/bin/python3", *other_programs(ROOTS[root]), before=_SAY_VERSIONS)


def other_programs(root):
    """nspawn's options for what is not of this Debian."""
    options = []
    if root.postgresql:
        server = versions.fetched_postgresql(root.postgresql)
        options += [f"--bind-ro={server}:/opt/postgresql", "--setenv=CHECKPG_TEST_POSTGRES_BIN=/opt/bin",
                    f"--bind-ro={with_clients(server, root)}:/opt/bin"]
    if root.haproxy:
        options += [f"--bind-ro={versions.fetched_haproxy(root.haproxy)}:/opt/haproxy",
                    "--setenv=CHECKPG_TEST_HAPROXY=/opt/haproxy/haproxy"]
    return options


def with_clients(server, root):
    """A directory with links to these programs, and to Debian's where they lack one."""
    directory = scratch.directory("programs")
    debians, = (debian.minbase(root.suite, *PACKAGES) / "usr/lib/postgresql").glob("*/bin")
    for program in debians.iterdir():
        own = (server / "bin" / program.name).exists()
        where = "/opt/postgresql/bin" if own else f"/usr/lib/postgresql/{debians.parent.name}/bin"
        (directory / program.name).symlink_to(f"{where}/{program.name}")
    return directory


@pytest.mark.parametrize("topic", PROGRAMS.topics)
def test_topic(run, topic):
    assert set(run.results.get(topic, [])) == {"passed"}, run.said


def test_the_table_in_the_documents_has_what_was_tried(root, run):
    haproxy, postgresql = map(versions.number, (run.directory / "versions").read_text().split("\npostgres"))
    row, documented = PROGRAMS.row(root, (postgresql, haproxy), run.results), PROGRAMS.documented(root)
    if root == "sid":  # it goes on
        newer = r"^(\| sid) \| \d+ \| [\d.]+ "
        assert documented and re.sub(newer, r"\1 ", documented) == re.sub(newer, r"\1 ", row)
    else:
        assert documented == row
