"""A firewalld that does not run is left alone, and one that can't be asked stops the run."""

import os

import pytest
import yaml
from harness import scratch

import playbooks


@pytest.mark.parametrize("state, stops", [(None, False), ("echo not running; exit 252", False),
                                          ("echo failed; exit 251", True)])
def test_a_firewalld_that_cannot_be_asked_is_not_taken_for_none(state, stops):
    directory = scratch.directory("firewall")
    if state is not None:
        (directory / "firewall-cmd").write_text(f"#!/bin/sh\n{state}\n")
        (directory / "firewall-cmd").chmod(0o755)
    for role in ("haproxy", "keepalived"):
        (directory / f"{role}.yml").write_text(yaml.safe_dump([{
            "hosts": "router1.example.com", "connection": "local", "gather_facts": False,
            "tasks": [{"ansible.builtin.import_role": {"name": f"checkpg.router.{role}", "tasks_from": "firewall"}}]}]))
        code, said = playbooks.run(
            ["ansible-playbook", "-i", playbooks.EXAMPLE / "hosts", directory / f"{role}.yml",
             "--vault-password-file", playbooks.vault_password_file(directory)],
            directory, PATH=f"{directory}:{os.environ['PATH']}")
        assert (code != 0) == stops, said
        assert not stops or "See whether firewalld runs" in said
