"""The tests of tests/integration that are marked with a topic of the versions' table (docs/testing.md), on
Debians that have other versions of PostgreSQL and HAProxy. The executables are those of the release build."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from harness import abilities, bare_machine, checks, debian, scratch, versions  # noqa: E402
from harness.versions import ROOTS, TOPICS  # noqa: E402
from harness.waiting import PATIENCE  # noqa: E402

scratch.end_on_signals()

#: What the tests need there; Python and pytest are this system's.
PACKAGES = ("postgresql", "haproxy", "openssl", "procps", "iproute2")

_TESTS = """
{ "${CHECKPG_TEST_HAPROXY:-haproxy}" -v
  "${CHECKPG_TEST_POSTGRES_BIN:-$(echo /usr/lib/postgresql/*/bin)}/postgres" -V
} >/results/versions || exit
exec python3 -m pytest -q -rs -p no:cacheprovider -m versions --junitxml=/results/tests.xml tests/integration"""


@dataclass
class Run:
    root: str
    versions: tuple  # of PostgreSQL and HAProxy
    said: str
    results: dict  # by topic: how each of its tests ended, "passed", "failed" or "skipped"

    def row(self):
        return versions.row(self.root, *self.versions, [self.results.get(topic, []) for topic in TOPICS])


@pytest.fixture(scope="module", params=ROOTS)
def run(request):
    if reason := bare_machine.cannot():
        abilities.cannot(reason)
    root = ROOTS[request.param]
    directory = scratch.directory("results")
    done = bare_machine.run(
        root.suite, ["sh", "-c", _TESTS], "--bind-ro=/usr:/host", f"--bind-ro={HERE}/python3:/usr/bin/python3",
        "--bind-ro=/etc/hosts", f"--bind-ro={checks.bin_directory()}:/srv/checkpg/build/release/bin",
        f"--bind={directory}:/results", "--setenv=PYTHONDONTWRITEBYTECODE=1",
        f"--setenv=CHECKPG_TEST_PATIENCE={PATIENCE:g}", *other_programs(root),
        included=PACKAGES, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        timeout=1200 * PATIENCE)
    print(done.stdout)
    assert (directory / "tests.xml").exists(), done.stdout
    haproxy, postgresql = map(versions.number, (directory / "versions").read_text().split("\npostgres"))
    return Run(request.param, (postgresql, haproxy), done.stdout, results(directory / "tests.xml"))


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


def results(path):
    found = {}
    for test in ElementTree.parse(path).iter("testcase"):
        ended = [word for word in ("failure", "error", "skipped") if test.find(word) is not None]
        word = "passed" if not ended else "skipped" if ended == ["skipped"] else "failed"
        for marked in test.iter("property"):
            found.setdefault(marked.get("value"), []).append(word)
    return found


@pytest.mark.parametrize("topic", TOPICS)
def test_topic(run, topic):
    assert set(run.results.get(topic, [])) == {"passed"}, run.said


def test_the_table_in_the_documents_has_what_was_tried(run):
    documented = versions.documented(run.root)
    if run.root == "sid":  # it goes on
        newer = r"^(\| sid) \| \d+ \| [\d.]+ "
        assert documented and re.sub(newer, r"\1 ", documented) == re.sub(newer, r"\1 ", run.row())
    else:
        assert documented == run.row()
