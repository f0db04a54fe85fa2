"""The README's two commands on a Debian of which nothing but minbase is there: that they work, and what
they say where they can't. Each machine is gone with its test."""

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

from harness import abilities, scratch  # noqa: E402

scratch.end_on_signals()
machine = SourceFileLoader("machine", str(HERE / "machine")).load_module()

#: What install-packages has to take away again, and a process of ours that outlived its script.
LEFT = """
left=$(ls -d /usr/sbin/policy-rc.d /etc/postgresql-common/createcluster.d/zz-checkpg.conf /tmp/checkpg-* 2>/dev/null
       grep -lsE 'apt-get|cmake|ninja|pytest|postgres|haproxy' /proc/[0-9]*/comm)
[ -z "$left" ] || { echo "left behind: $left"; exit 99; }
"""


@pytest.fixture(autouse=True)
def able():
    if reason := machine.cannot():
        abilities.cannot(reason)


@pytest.fixture(params=["bookworm", "trixie"])
def suite(request):
    return request.param


def on_a_bare(suite, script, *options):
    """(exit code, what was said) of a shell script there."""
    done = subprocess.run([HERE / "machine", *options, suite, "bash", "-c", script],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=1500)
    print(done.stdout)
    return done.returncode, done.stdout


def refused(suite, script, *options):
    """The last line of what is said by a script that has to fail."""
    code, said = on_a_bare(suite, f"{script}\ncode=$?\n{LEFT}\nexit $code", *options)
    assert code == 1, said
    return said.strip().splitlines()[-1]


def test_the_demo_and_the_unit_tests(suite):
    code, said = on_a_bare(suite, f"tests/demo && tests/run -L unit release && {{ {LEFT} }}")
    assert code == 0
    assert "PostgresReadWrite-backend  db1     UP      PROCOK    0: it is the primary" in said
    assert said.strip().splitlines()[-1].endswith(" passed, 0 failed")


def test_the_unit_tests_without_privileges():
    code, said = on_a_bare("bookworm", f"tests/run -L unit release && {{ {LEFT} }}", "--unprivileged")
    assert code == 0
    assert " passed, 0 failed" in said.strip().splitlines()[-1]


def test_without_a_network():
    assert refused("bookworm", "tests/demo", "--offline").endswith(
        "the mirror in apt's sources can't be reached: is there a network?")


def test_not_root():
    said = refused("bookworm", "setpriv --reuid=65534 --regid=65534 --clear-groups tests/run")
    assert said.startswith("install-packages: only root can install what is missing: apt install ")


def test_without_room_for_packages():
    script = """
        mount -t tmpfs -o size=20m small /var/cache/apt/archives && mkdir /var/cache/apt/archives/partial
        tests/demo"""
    assert refused("bookworm", script).endswith("the disk is full: make room on it")


def test_a_package_that_apt_does_not_know():
    script = """
        rm -f /etc/apt/sources.list.d/* && : >/etc/apt/sources.list
        tests/demo"""
    said = refused("bookworm", script)
    assert said.startswith("install-packages: apt knows no package ")
    assert " haproxy " in said


def test_interrupted_while_apt_works_and_run_again():
    """As by Ctrl-C: the next run goes on from there."""
    script = f"""
        mkfifo said && (trap - INT; exec setsid bash -c 'exec tests/demo' >said 2>&1) & demo=$!
        while read -r line; do
            echo "$line"
            case $line in *unpacking) kill -s INT -- -$demo;; esac
        done <said
        wait $demo
        echo "ended with $?"
        rm said
        {LEFT}
        tests/install-packages demo && {{ {LEFT} }}"""
    code, said = on_a_bare("bookworm", script)
    assert code == 0
    assert "ended with 130" in said
