"""The product's own collection, installed on the controller and run over ssh, as a site does it."""

import functools
import json
import os
import re
import subprocess

from . import images, mirror, network, secrets
from .commands import LabError, run
from .places import ADDRESSES, DOMAIN, LAB, LOGS, STATE, TREE

_INVENTORY = STATE / "inventory"
_COLLECTIONS = STATE / "collections"
_BREAKING = {"ANSIBLE_CALLBACK_PLUGINS": str(LAB / "callbacks"), "ANSIBLE_CALLBACKS_ENABLED": "interrupt"}


def make_key():
    """The controller's ssh key, and the machines' host keys, which their images share."""
    directory = STATE / "ssh"
    directory.mkdir(mode=0o700, exist_ok=True)
    if not (directory / "key").exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", directory / "key")
    keys = (images.directory() / "bare/etc/ssh").glob("ssh_host_*_key.pub")
    names = ",".join([f"{name},{name}.{DOMAIN},{address}" for name, address in ADDRESSES.items()])
    (directory / "known_hosts").write_text("".join(f"{names} {key.read_text()}" for key in keys))


def make_inventory():
    """The vaulted half of the inventory, beside the one in the tree."""
    directory = _INVENTORY / "group_vars/all"
    directory.mkdir(parents=True, exist_ok=True)
    (_INVENTORY / "hosts").write_text("[router]\n")
    vault = run("ansible-vault", "encrypt_string", "--vault-password-file", secrets.file_of("vault"),
                "--stdin-name", "checkpg_password", input=secrets.password("checkpg"))
    (directory / "vault.yml").write_text(f"---\n{vault}")


def playbook(*arguments, variables=None, check=True, broken=None, book="checkpg.router.router"):
    """Runs the collection's playbook, or the file `book`. Returns its output; it is in build/lab/logs, too. `broken` is
    where and how it breaks on purpose, see callbacks/interrupt.py."""
    _install_collection()
    command = network.inside(
        "ansible-playbook", "-i", LAB / "inventory", "-i", _INVENTORY,
        "--vault-password-file", secrets.file_of("vault"), book,
        "-e", json.dumps(variables or {}), *arguments)
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / "ansible.log").open("a+") as log:
        begin = log.seek(0, os.SEEK_END)
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log,
                              stderr=subprocess.STDOUT, timeout=900, check=False,
                              env={**_environment(), **(_BREAKING | broken if broken else {})})
        log.seek(begin)
        output = log.read()
    if check and done.returncode and not broken:
        raise LabError(f"ansible-playbook failed ({done.returncode}), see {LOGS}/ansible.log:\n"
                       f"{output[-4000:]}")
    return output


def recap(output):
    """Of a play's output: router -> {ok, changed, unreachable, failed, ...}."""
    rows = re.findall(r"^(\S+?)(?:\.\S+)? +: +(ok=.*)$", output, re.MULTILINE)
    return {host: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", counts)}
            for host, counts in rows}


def deploy():
    """Offers the newest checkpg package on the mirror, and runs the playbook."""
    mirror.add(mirror.newest_checkpg())
    return playbook()


@functools.cache
def _install_collection():
    """That of the tree, as it is now."""
    run("ansible-galaxy", "collection", "install", "--no-deps", "--force", "-p", _COLLECTIONS, TREE / "ansible",
        env=_environment())


def _environment():
    """The one of whoever runs the lab must not matter: an empty ansible.cfg, a HOME of the lab's."""
    ssh = STATE / "ssh"
    (STATE / "ansible.cfg").touch()
    return {"PATH": os.environ["PATH"], "HOME": str(STATE), "LC_ALL": "C.UTF-8",
            "ANSIBLE_CONFIG": str(STATE / "ansible.cfg"), "ANSIBLE_COLLECTIONS_PATH": str(_COLLECTIONS),
            "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PRIVATE_KEY_FILE": str(ssh / "key"), "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_SSH_ARGS": f"-F {os.devnull} -o UserKnownHostsFile={ssh}/known_hosts "
                                "-o ControlMaster=auto -o ControlPersist=60s"}
