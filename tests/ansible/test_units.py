"""What the roles add to the units of HAProxy and keepalived, and what is asked before a file counts."""

import os
import pathlib
import re
import shlex
import subprocess

import pytest
from harness import abilities, haproxy, scratch

import machine
import playbooks

UNITS = ("haproxy", "keepalived")
GOOD = "frontend one\n    mode tcp\n    bind 127.0.0.1:5432\n"
MORE = "backend more\n    mode tcp\n"


@pytest.mark.versions("tasks")
@pytest.mark.parametrize("system", ["el8", "debian12"])
def test_a_program_that_ends_is_started_again_however_often(system):
    for unit in UNITS:
        text = (playbooks.rendered(system) / f"{unit}.checkpg.service.conf").read_text()
        assert "[Unit]\nStartLimitIntervalSec=0\n" in text
        assert re.search(r"^\[Service\]\nRestart=always\nRestartSec=1$", text, re.M)


def test_systemd_knows_every_word_of_it():
    analyze = abilities.require_program("systemd-analyze", "a unit's words")
    for unit in UNITS:
        directory = scratch.directory("units")
        (directory / f"{unit}.service").write_text("[Service]\nType=notify\nExecStart=/bin/true\n")
        (directory / f"{unit}.service.d").mkdir()
        text = (playbooks.rendered("debian12") / f"{unit}.checkpg.service.conf").read_text()
        (directory / f"{unit}.service.d/checkpg.conf").write_text(text)
        run = subprocess.run([analyze, "verify", f"{unit}.service"], capture_output=True, text=True, timeout=60,
                             env={"SYSTEMD_UNIT_PATH": f"{directory}:", "PATH": os.environ["PATH"]})
        assert not [line for line in run.stderr.splitlines() if str(directory) in line], run.stderr


def test_both_units_have_it_and_systemd_reads_them_before_a_reload():
    code, said, etc = machine.Machine().play()
    assert code == 0, said
    told = (etc / "told-systemctl").read_text().splitlines()
    for unit in UNITS:
        assert "Restart=always" in (etc / f"system/{unit}.service.d/checkpg.conf").read_text()
        assert told.index("daemon-reload") < told.index(f"reload {unit}")


def test_a_kernel_that_goes_by_something_else_is_told_of():
    """Its own value stands for what a later file sets."""
    own = int(pathlib.Path("/proc/sys/net/ipv4/tcp_retries2").read_text())
    code, said, etc = machine.Machine().play(variables={"haproxy_tcp_retries": 7 if own == 8 else 8})
    assert code == 0, said
    assert f"and the kernel goes by {own}: a later file" in " ".join(said.split())
    assert "restart systemd-sysctl" in (etc / "told-systemctl").read_text()


def reload_check(system, directory, **environment):
    """The exit code of the first thing that a reload does, with what a unit has in its environment."""
    text = (playbooks.rendered(system) / "haproxy.checkpg.service.conf").read_text()
    command = re.findall(r"^ExecReload=(.+)$", text, re.M)[0].replace("$$", "$")
    command = command.replace("/usr/sbin/haproxy", haproxy.executable())
    return subprocess.run(shlex.split(command), env={"CONFIG": str(directory / "haproxy.cfg"), **environment},
                          capture_output=True, timeout=60).returncode


@pytest.mark.parametrize("system", ["el9", "debian12"])
def test_a_reload_looks_at_all_that_haproxy_starts_with(system):
    directory = scratch.directory("haproxy")
    (directory / "haproxy.cfg").write_text(GOOD)
    (directory / "conf.d").mkdir()
    more = directory / "conf.d/more.cfg"
    for text, code in ((MORE, 0), ("nonsense\n", 1)):
        more.write_text(text)
        assert reload_check(system, directory, CFGDIR=str(directory / "conf.d")) == code
        assert reload_check(system, directory, OPTIONS=f"-f {more}") == code
        assert reload_check(system, directory, EXTRAOPTS=f"-S {directory}/master -f {more}") == code
        assert reload_check(system, directory) == 0
    (directory / "haproxy.cfg").write_text("nonsense\n")
    assert reload_check(system, directory) == 1


@pytest.mark.versions("tasks")
@pytest.mark.parametrize("system, text, taken", [
    ("el9", MORE, True), ("el9", "nonsense\n", False), ("debian12", "nonsense\n", True)])
def test_a_configuration_counts_only_with_what_is_read_beside_it(system, text, taken):
    """Debian's unit reads no conf.d."""
    router = machine.Machine(system)
    router.add("etc/haproxy/haproxy.cfg", GOOD)
    router.add("etc/haproxy/conf.d/more.cfg", text)
    code, said, etc = router.play(variables={"haproxy_drop_sections": ["one"]})
    assert ("failed to validate" in said) == (not taken), said
    assert (code == 0) == taken
    assert ((etc / "haproxy/haproxy.cfg").read_text() == GOOD) == (not taken)
    assert not taken or [file.read_text() for file in (etc / "haproxy").glob("haproxy.cfg.*~")] == [GOOD]
