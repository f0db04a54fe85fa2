"""ansible/ is a collection: built and installed, its playbook and roles are there by their names."""

import json
import subprocess
import tarfile

import playbooks
import pytest
import yaml
from harness import scratch
from harness.checks import REPOSITORY

GALAXY = yaml.safe_load((playbooks.ANSIBLE / "galaxy.yml").read_text())


@pytest.fixture(scope="module")
def built():
    directory = scratch.directory("built")
    assert playbooks.run(["ansible-galaxy", "collection", "build", "--output-path", directory], directory)[0] == 0
    return directory / f"checkpg-router-{GALAXY['version']}.tar.gz"


@pytest.fixture(scope="module")
def installed(built):
    """A controller's home, with nothing of this tree but the collection."""
    directory = scratch.directory("installed")
    code, said = playbooks.run(["ansible-galaxy", "collection", "install", "--no-deps", built], directory,
                               ANSIBLE_COLLECTIONS_PATH=directory / "own")
    assert code == 0, said
    return directory


def play(installed, *arguments):
    return playbooks.run(["ansible-playbook", "-i", playbooks.EXAMPLE / "hosts", playbooks.ROUTER,
                          "--vault-password-file", playbooks.vault_password_file(installed), *arguments], installed,
                         ANSIBLE_COLLECTIONS_PATH=installed / "own")


def test_its_version_is_that_of_the_packages():
    assert GALAXY["version"] == (REPOSITORY / "VERSION").read_text().strip()


def test_it_has_all_that_is_tracked_and_nothing_else(built):
    tracked = subprocess.run(["git", "ls-files"], cwd=playbooks.ANSIBLE, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("what is tracked is not known without git's directory")
    with tarfile.open(built) as archive:
        files = {member.name for member in archive if member.isfile()} - {"MANIFEST.json", "FILES.json"}
    assert files == set(tracked.stdout.split()) - {".ansible-lint", ".yamllint", "galaxy.yml"}


@pytest.mark.versions("syntax")
def test_the_playbook_runs_by_its_name(installed):
    code, said = play(installed, "-e", json.dumps({"ansible_ssh_executable": "/bin/false", "haproxy_typo": 1}))
    assert code != 0
    assert "haproxy_typo" in said, said


@pytest.mark.versions("argument specs")
@pytest.mark.parametrize("role", ["checkpg", "haproxy", "keepalived"])
def test_a_role_tells_its_variables(installed, role):
    code, said = playbooks.run(["ansible-doc", "-t", "role", f"checkpg.router.{role}", "--json"], installed,
                               ANSIBLE_COLLECTIONS_PATH=installed / "own")
    assert code == 0, said
    options = json.loads(said[said.index("{"):])[f"checkpg.router.{role}"]["entry_points"]["main"]["options"]
    assert all(option["description"] for option in options.values())


@pytest.mark.versions("syntax")
@pytest.mark.parametrize("tag, changed, left", [
    ("haproxy", "haproxy", "keepalived"), ("checkpg", "haproxy", "keepalived"), ("keepalived", "keepalived", "haproxy")])
def test_a_tag_leaves_the_other_half_as_it_is(installed, tag, changed, left):
    """What looks before anything is changed runs whatever the tag."""
    code, said = play(installed, "--list-tasks", "--tags", tag)
    assert code == 0, said
    assert "The virtual IP can work as it is described" in said
    assert "See which of them has the virtual IP" in said or "Look for an older keepalived" in said
    names = {"haproxy": "Configuration of HAProxy", "keepalived": "Configuration of keepalived"}
    assert f"{names[changed]}\t" in said, said
    assert f"{names[left]}\t" not in said, said
