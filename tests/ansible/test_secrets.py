"""Secrets are encrypted in each of ansible-vault's ways, and nothing that Ansible prints has one."""

import subprocess

import pytest
from harness import abilities, scratch

import playbooks

SECRET = "hush-hush"


def encrypted(form, directory):
    """The text of a vault.yml: one value in a plain file, or a whole file."""
    password = ["--vault-password-file", playbooks.vault_password_file(directory)]
    if form == "encrypt_string":
        command, plain = ["encrypt_string", *password, "--stdin-name", "checkpg_password"], SECRET
    else:
        command, plain = ["encrypt", *password, "--output", "-"], f"---\ncheckpg_password: {SECRET}\n"
    return subprocess.run(["ansible-vault", *command], input=plain, env=playbooks.environment(directory),
                          capture_output=True, text=True, check=True).stdout


def play(name, directory, *arguments, form="encrypt_string"):
    """(exit code, all that was said) of a playbook with the example's inventory and our secret."""
    inventory = playbooks.example_in(directory)
    (inventory / "group_vars/all/vault.yml").write_text(encrypted(form, directory))
    return playbooks.run(["ansible-playbook", "-i", inventory / "hosts", playbooks.HERE / name, *arguments,
                          "--vault-password-file", playbooks.vault_password_file(directory)], directory)


@pytest.mark.parametrize("form", ["encrypt_string", "encrypt"])
def test_the_roles_take_a_secret_encrypted_either_way(form):
    code, said = play("specs.yml", scratch.directory("specs"), "-v", "--tags", "none", form=form)
    assert code == 0, said
    assert said.count("The arg spec validation passed") == 3
    assert SECRET not in said


@pytest.mark.parametrize("form", ["encrypt_string", "encrypt"])
def test_a_new_password_is_not_printed(form):
    abilities.require_root("files that belong to root")
    directory = scratch.directory("files")
    into = directory / "into"
    into.mkdir()
    (into / "pgpass").write_text("*:*:*:checkpg:older-secret\n")
    for mode in (["--check"], []):
        code, said = play("files.yml", directory, "-e", f"into={into}", "--diff", "-vvv", *mode, form=form)
        assert code == 0, said
        assert "+passfile" in said
        assert SECRET not in said and "older-secret" not in said
    assert (into / "pgpass").read_text() == f"*:*:*:checkpg:{SECRET}\n"


def test_a_task_that_fails_prints_no_password():
    directory = scratch.directory("files")
    code, said = play("files.yml", directory, "-e", f"into={directory}/missing", "--diff", "-vvv")
    assert code == 2
    assert "censored" in said
    assert SECRET not in said
