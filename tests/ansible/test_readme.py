"""ansible/README.md, meta/argument_specs.yml and defaults/main.yml say the same of each variable."""

import re

import pytest
import yaml

import playbooks

ROLES = ("checkpg", "haproxy", "keepalived")
# Look like variables, and are filters, a keepalived script and an SELinux boolean.
OTHER_NAMES = {"checkpg_problems", "haproxy_problems", "keepalived_problems", "haproxy_answers", "haproxy_connect_any"}


def specified(role):
    text = (playbooks.ANSIBLE / f"roles/{role}/meta/argument_specs.yml").read_text()
    return yaml.safe_load(text)["argument_specs"]["main"]["options"]


def defaults(role):
    return yaml.safe_load((playbooks.ANSIBLE / f"roles/{role}/defaults/main.yml").read_text())


def shown(option):
    """A default as the table has it."""
    if option.get("required"):
        return "required"
    value = option["default"]
    if value in ("", [], {}):
        return ""
    if isinstance(value, str) and "{{" in value:
        return "computed"
    if isinstance(value, list) and isinstance(value[0], dict):
        return "see `defaults/main.yml`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def table(role):
    rows = [f"| `{name}` | {option['description']} | {shown(option)} |" for name, option in specified(role).items()]
    return "\n".join(["| variable | meaning | default |", "|---|---|---|", *rows])


@pytest.mark.parametrize("role", ROLES)
def test_the_table_is_what_the_specs_say(role):
    assert table(role) in (playbooks.ANSIBLE / "README.md").read_text(), table(role)


@pytest.mark.parametrize("role", ROLES)
def test_the_defaults_are_what_the_specs_say(role):
    optional = {name: option["default"] for name, option in specified(role).items() if not option.get("required")}
    assert defaults(role) == optional


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_in_use_is_specified_or_private(role):
    """Of those with a role's prefix."""
    known = {name for of in ROLES for name in specified(of)}
    for file in (playbooks.ANSIBLE / "roles" / role).rglob("*"):
        if file.is_file() and file.suffix in (".yml", ".j2"):
            used = set(re.findall(r"(?<![\w./-])(?:checkpg|haproxy|keepalived)_[a-z_]+", file.read_text()))
            assert used <= known | OTHER_NAMES, file


@pytest.mark.parametrize("role", ROLES)
def test_a_role_alone_knows_what_it_uses(role):
    """A variable of another role's, or of none's, is specified here, too, or may be missing."""
    for file in (playbooks.ANSIBLE / "roles" / role).rglob("*"):
        # The playbook alone asks whether the virtual IP leads to HAProxy.
        if file.parent.name in ("tasks", "templates", "vars", "defaults") and file.name != "reached.yml":
            used = re.findall(r"(?<![\w./-])(?:checkpg|haproxy|keepalived|postgresql)_[a-z_]+(?! *\| default)\b",
                              re.sub(r"^ *(#|-? *name:).*$|'\w+'(?=[:,])", "", file.read_text(), flags=re.MULTILINE))
            assert set(used) <= set(specified(role)) | OTHER_NAMES, file


def test_a_variable_of_two_roles_is_one():
    for name in {name for role in ROLES for name in specified(role)}:
        options = [specified(role)[name] for role in ROLES if name in specified(role)]
        assert all(option == options[0] for option in options), name


@pytest.mark.parametrize("role", ROLES)
def test_a_boolean_in_use_is_one_whatever_the_inventory_says(role):
    """The text "false" is true to a template and to `when`."""
    booleans = {name for name, option in specified(role).items() if option["type"] == "bool"}
    for file in (playbooks.ANSIBLE / "roles" / role).rglob("*"):
        if file.is_file() and file.parent.name in ("tasks", "handlers", "templates", "vars"):
            bare = set(re.findall(r"\b([a-z_]+)\b(?! \| bool)", file.read_text()))
            assert not bare & booleans, file


# Ansible's own variables; a fact is one of ansible_facts, since a site may have no others.
MAGIC = {"ansible_facts", "ansible_check_mode", "ansible_managed", "ansible_play_hosts", "ansible_play_hosts_all",
         "ansible_host", "ansible_failed_result"}


@pytest.mark.parametrize("role", ROLES)
def test_a_fact_in_use_is_one_of_ansible_facts(role):
    for file in [*(playbooks.ANSIBLE / "roles" / role).rglob("*.*"), *playbooks.ANSIBLE.glob("plugins/*/*.py")]:
        if file.suffix in (".yml", ".j2", ".py"):
            assert set(re.findall(r"\bansible_[a-z]\w+", file.read_text())) <= MAGIC, file
        assert "getent_passwd" not in re.sub(r"ansible_facts\.\w+", "", file.read_text(errors="replace")), file
