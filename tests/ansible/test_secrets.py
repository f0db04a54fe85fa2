"""Secrets are encrypted in each of ansible-vault's ways, and nothing that Ansible prints has one."""

import subprocess

import pytest
from harness import abilities, scratch

import machine
import playbooks

pytestmark = pytest.mark.versions("secrets")

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


@pytest.mark.versions("argument specs")
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


OLD = "old-and-hidden"


def older():
    """A router with a secret in each of its files."""
    router = machine.Machine()
    router.add("etc/keepalived/keepalived.conf", f"vrrp_instance VI_1 {{\n auth_pass {OLD}\n}}\n")
    router.add("etc/haproxy/haproxy.cfg", f"defaults\n stats auth dba:{OLD}\n")
    router.add("etc/checkpg/checkpg.conf", f"user = checkpg\npassword = {OLD}\n", 0o600)
    router.add("etc/checkpg/pgpass", f"*:*:*:checkpg:{OLD}\n", 0o600)
    router.add("etc/checkpg/client.key", f"-----BEGIN {OLD}-----\n", 0o600)
    return router


def test_a_diff_shows_no_secret_old_or_new():
    router = older()
    variables = {"haproxy_global_lines": [f"# stats auth dba:{SECRET}"], "checkpg_password": SECRET}
    for mode in (["--check"], []):
        code, said, etc = router.play("--diff", "-vvv", *mode, variables=variables)
        assert code == 0, said
        assert OLD not in said
        assert SECRET not in said
    assert SECRET in (etc / "haproxy/haproxy.cfg").read_text()
    assert SECRET in (etc / "checkpg/pgpass").read_text()


def test_a_diff_shows_what_is_no_secret():
    router = machine.Machine()
    router.add("etc/haproxy/haproxy.cfg", "# older haproxy.cfg\n")
    code, said, etc = router.play("--diff")
    assert code == 0, said
    for line in ("-# older haproxy.cfg", "+vrrp_instance postgresql {", "+[PostgresReadOnly-backend]"):
        assert line in said
    for name in ("keepalived/keepalived.conf", "haproxy/haproxy.cfg", "checkpg/checkpg.conf"):
        router.add(f"etc/{name}", (etc / name).read_text())
    said = router.play("--diff", "--check", variables={"keepalived_advert_interval": 0.75})[1]
    assert "+    advert_int 0.75" in said


def test_what_is_no_longer_set_leaves_no_secret():
    router = older()
    assert not (router.play()[2] / "checkpg/client.key").exists()
    certificate = {"checkpg_client_certificate": "/etc/hostname", "checkpg_client_key": "/etc/hostname"}
    login = {"checkpg_password": "", **certificate}
    etc = router.play(variables=login)[2]
    assert (etc / "checkpg/client.key").exists() and not (etc / "checkpg/pgpass").exists()
    kept = router.play(variables={**login, "checkpg_settings": {"passfile": "/etc/checkpg/pgpass"}})[2]
    assert OLD in (kept / "checkpg/pgpass").read_text()
