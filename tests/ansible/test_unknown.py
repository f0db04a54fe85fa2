"""A program that says that there is nothing is believed, and one that can't be asked stops the run."""

import os

import pytest
import yaml
from harness import scratch

import playbooks


def run(role, tasks, program, script):
    """(exit code, what was said) of a role's tasks with that script in the place of a program, or None for none."""
    directory = scratch.directory("unknown")
    if script is not None:
        (directory / program).write_text(f"#!/bin/sh\n{script}\n")
        (directory / program).chmod(0o755)
    (directory / "play.yml").write_text(yaml.safe_dump([{
        "hosts": "router1.example.com", "connection": "local", "gather_facts": False,
        "tasks": [{"ansible.builtin.import_role": {"name": f"checkpg.router.{role}", "tasks_from": tasks}}]}]))
    return playbooks.run(
        ["ansible-playbook", "-i", playbooks.EXAMPLE / "hosts", directory / "play.yml",
         "--vault-password-file", playbooks.vault_password_file(directory)],
        directory, PATH=f"{directory}:{os.environ['PATH']}")


@pytest.mark.parametrize("state, stops", [(None, False), ("echo not running; exit 252", False),
                                          ("echo failed; exit 251", True)])
@pytest.mark.parametrize("role", ["haproxy", "keepalived"])
def test_a_firewalld(role, state, stops):
    code, said = run(role, "firewall", "firewall-cmd", state)
    assert (code != 0) == stops, said
    assert not stops or "See whether firewalld runs" in said


@pytest.mark.parametrize("state, stops", [("exit 1", False), ("exit 0", False),
                                          ("echo Failed to connect to bus >&2; exit 1", True)])
def test_a_systemd_that_may_have_units_to_retire(state, stops):
    code, said = run("checkpg", "retire", "systemctl", state)
    assert (code != 0) == stops, said
    assert not stops or "See which units there are" in said
