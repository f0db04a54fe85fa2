"""What the roles add to the units of HAProxy and keepalived."""

import os
import re
import subprocess

import pytest
from harness import abilities, scratch

import machine
import playbooks

UNITS = ("haproxy", "keepalived")


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
