"""Runs playbooks without any machine: what would reach for one leaves a mark instead."""

import functools
import json
import os
import shutil
import subprocess
from pathlib import Path

from harness import scratch
from harness.checks import REPOSITORY
from harness.waiting import PATIENCE

ANSIBLE = REPOSITORY / "ansible"
EXAMPLE = ANSIBLE / "environments/example"
PLAYBOOK = ANSIBLE / "playbooks/router.yml"
#: That playbook by its collection's name.
ROUTER = "checkpg.router.router"
HERE = Path(__file__).resolve().parent
VAULT_PASSWORD = "example"


def environment(directory):
    """An empty ansible.cfg and a HOME of our own: whoever runs the tests has theirs. The collection is the tree's."""
    (directory / "ansible.cfg").touch()
    collection = directory / "collections/ansible_collections/checkpg/router"
    if not collection.is_symlink():
        collection.parent.mkdir(parents=True)
        collection.symlink_to(ANSIBLE)
    return {"PATH": os.environ["PATH"], "HOME": str(directory), "LC_ALL": "C.UTF-8",
            "ANSIBLE_CONFIG": str(directory / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1",
            # Facts only by the name of ansible_facts: a site may have it so.
            "ANSIBLE_INJECT_FACT_VARS": "0", "ANSIBLE_LOCAL_TEMP": str(directory / "local"),
            "ANSIBLE_RETRY_FILES_ENABLED": "0", "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_COLLECTIONS_PATH": str(directory / "collections")}


def run(command, directory, **more):
    """(exit code, all that was said)"""
    done = subprocess.run(command, cwd=ANSIBLE, env={**environment(directory), **more},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=240 * PATIENCE)
    return done.returncode, done.stdout


def vault_password_file(directory):
    file = directory / "vault-password"
    file.write_text(VAULT_PASSWORD + "\n")
    return file


def example_in(directory):
    """A copy of the example's inventory, to be changed."""
    return shutil.copytree(EXAMPLE, directory / "inventory", dirs_exist_ok=True)


def router(variables=None, hosts=None):
    """Runs router.yml with the example's inventory. Returns what it said, and whether it reached
    for a machine."""
    said, directory = _router(variables, hosts)
    return said, (directory / "reached").exists()


def first_command_of_router(variables):
    """What router.yml first has ssh run on a machine."""
    return (_router(variables)[1] / "reached").read_text().splitlines()[0]


def _router(variables=None, hosts=None):
    """(what router.yml said, the directory it ran in)"""
    directory = scratch.directory("router")
    example_in(directory)
    if hosts is not None:
        (directory / "inventory/hosts").write_text(hosts)
    ssh = directory / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$*" >>{directory}/reached\nexit 255\n')
    ssh.chmod(0o755)
    code, said = run(["ansible-playbook", "-i", directory / "inventory/hosts", ROUTER,
                      "--vault-password-file", vault_password_file(directory),
                      "-e", json.dumps({"ansible_ssh_executable": str(ssh), **(variables or {})})],
                     directory)
    assert code != 0, said
    return said, directory


def cache_facts(directory, system):
    """Makes a directory, a cache of Ansible's plugin jsonfile with a system's facts of router1.example.com, and returns
    the environment for it. In the form of ansible-core 2.14 to 2.18, and beside it in that of 2.19 and newer."""
    directory.mkdir()
    facts = (HERE / f"facts/{system}.json").read_text()
    (directory / "router1.example.com").write_text(facts)
    (directory / "s1_router1.example.com").write_text(json.dumps({"__payload__": facts}))
    return {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(directory)}


def rendered(facts, variables=None, hosts=None):
    """The directory with what the roles' templates make of a router with these facts; made once."""
    return _rendered(facts, json.dumps(variables or {}), hosts)


def values(facts, variables=None):
    """What the roles' own variables come to, of those that render.yml names."""
    return json.loads((rendered(facts, variables) / "values.json").read_text())


@functools.cache
def _rendered(facts, variables, hosts):
    directory = scratch.directory("rendered")
    cache = cache_facts(directory / "cache", facts)
    inventory = example_in(directory)
    if hosts is not None:
        (inventory / "hosts").write_text(hosts)
    code, said = run(["ansible-playbook", "-i", inventory / "hosts", HERE / "render.yml",
                      "--limit", "router1.example.com",
                      "--vault-password-file", vault_password_file(directory),
                      "-e", json.dumps({"into": str(directory), **json.loads(variables)})],
                     directory, **cache)
    assert code == 0, said
    return directory
