"""ansible-lint (profile production) and yamllint have nothing to say."""

import playbooks
from harness import scratch


def test_yamllint_is_silent():
    assert playbooks.run(["yamllint", "--strict", ".", *playbooks.HERE.glob("*.yml")],
                         scratch.directory("yamllint")) == (0, "")


def test_ansible_lint_passes_the_production_profile():
    directory = scratch.directory("lint")
    code, said = playbooks.run(
        ["ansible-lint", "--offline", "--nocolor", "--profile", "production", "--strict"], directory,
        ANSIBLE_VAULT_PASSWORD_FILE=str(playbooks.vault_password_file(directory)),
        # ansible-lint 6 looks for collections beside the last part of this.
        ANSIBLE_COLLECTIONS_PATH=str(directory / "collections/ansible_collections"))
    assert code == 0, said
    assert "0 failure(s), 0 warning(s)" in said
    assert "Passed with production profile" in said or "Profile 'production' was required, and it passed" in said


def test_the_examples_password_is_vaulted():
    directory = scratch.directory("vault")
    code, said = playbooks.run(
        ["ansible", "-i", playbooks.EXAMPLE / "hosts", "router1.example.com", "-m", "ansible.builtin.debug",
         "-a", "var=checkpg_password", "--vault-password-file", playbooks.vault_password_file(directory)], directory)
    assert code == 0, said
    assert "example-password" in said
    text = (playbooks.EXAMPLE / "group_vars/all/vault.yml").read_text()
    assert "$ANSIBLE_VAULT;1.1;AES256" in text
    assert "example-password" not in text
