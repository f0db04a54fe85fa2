"""The README's two commands on a Debian of which nothing but minbase is there: that they work, and what
they say where they can't. Each machine is gone with its test."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness import abilities, bare_machine, scratch  # noqa: E402
from harness.bare_machine import OFFLINE, UNPRIVILEGED  # noqa: E402
from harness.waiting import wait_for  # noqa: E402

scratch.end_on_signals()

#: What install-packages has to take away again, and a process of ours that outlived its script.
LEFT = """
left=$(ls -d /usr/sbin/policy-rc.d /etc/postgresql-common/createcluster.d/zz-checkpg.conf /tmp/checkpg-* 2>/dev/null
       grep -lsE '^(apt-get|dpkg|cmake|ninja|cc1plus|ctest|python3|postgres|haproxy)$' /proc/[0-9]*/comm)
[ -z "$left" ] || { echo "left behind: $left"; exit 99; }
"""


@pytest.fixture(autouse=True)
def able():
    if reason := bare_machine.cannot():
        abilities.cannot(reason)


def on_a_bare(suite, script, *options):
    """(exit code, what was said) of a shell script there."""
    done = bare_machine.run(suite, ["bash", "-c", script], *options, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=1500)
    print(done.stdout)
    return done.returncode, done.stdout


def refused(suite, script, *options):
    """The last line of what is said by a script that has to fail."""
    code, said = on_a_bare(suite, f"{script}\ncode=$?\n{LEFT}\nexit $code", *options)
    assert code == 1, said
    return said.strip().splitlines()[-1]


def assert_demonstrated(said):
    assert "INSERT through PostgresReadWrite-frontend: done by db2" in said


#: interrupt LINE COMMAND...: as Ctrl-C does it, when the command says a line like that.
INTERRUPT = f"""
set -m # each command in a process group of its own, to which the terminal would send it
interrupt() {{
    local like=$1 line code; shift
    rm -f said && mkfifo said
    "$@" >said 2>&1 &
    while read -r line; do
        printf '%s\\n' "$line"
        [[ $line != $like ]] || {{ kill -s INT -- -$!; like=once; }}
    done <said
    wait $!
    code=$?
    ((code == 130)) || {{ echo "interrupted, it ended with $code"; exit 98; }}
    {LEFT}
}}
"""


def test_the_demo_interrupted_and_run_again_without_privileges():
    """With them, both commands are .ci/run's; what takes as long again is done by hand before a release."""
    code, said = on_a_bare("bookworm", f"""{INTERRUPT}
        interrupt '*unpacking' tests/demo
        interrupt '*% after*' tests/demo
        interrupt 'HAProxy in front of them' tests/demo
        tests/demo""", *UNPRIVILEGED)
    assert code == 0
    assert said.count("stopped by SIGINT") == 2
    assert said.count("interrupted: stopping and removing everything") == 1
    assert_demonstrated(said)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_runs_there_ends_with_the_machine(number):
    machine = subprocess.Popen([Path(__file__).with_name("machine"), "bookworm", "sleep", "4711"],
                               stdin=subprocess.DEVNULL)
    try:
        wait_for(asleep, "the command to run there", 60)
    finally:
        machine.send_signal(number)
        machine.wait()
    wait_for(lambda: not asleep(), "what runs there to end")


def asleep():
    """A process that such a machine has, and no other."""
    return [process for process in Path("/proc").glob("[0-9]*")
            if readable(process / "cmdline") == b"sleep\x004711\x00"]


def readable(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_without_a_network():
    assert refused("bookworm", "tests/demo", *OFFLINE).endswith(
        "the mirror in apt's sources can't be reached: is there a network?")


def test_not_root():
    said = refused("bookworm", "setpriv --reuid=65534 --regid=65534 --clear-groups tests/run")
    assert said.startswith(
        "install-packages: only root can install what is missing: run tests/install-packages build test ansible as root (")


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


def test_while_another_program_uses_apt():
    """apt's locks are those of fcntl(2), which no shell has a command for."""
    code, said = on_a_bare("bookworm", f"""
        for lock in dpkg/lock-frontend apt/lists/lock; do
            perl -MFcntl -e 'my $lock = pack("ssx4qqi", F_WRLCK, 0, 0, 0, 0); open(F, ">>", $ARGV[0]) or die;
                fcntl(F, F_SETLK, $lock) or die; system("touch /locked"); sleep 600' "/var/lib/$lock" & holder=$!
            until [ -e /locked ]; do sleep 0.1; done
            tests/install-packages bare 2>&1 | while read -r line; do
                echo "$line"
                case $line in another*) kill $holder;; esac
            done
            [ "${{PIPESTATUS[0]}}" = 0 ] || exit 97
            rm /locked
            dpkg --purge --force-depends debootstrap >/dev/null
        done
        {LEFT}""")
    assert code == 0
    assert said.count("another program uses apt: waiting for it, 5 minutes at most") == 2
    assert said.count("installed in") == 2
