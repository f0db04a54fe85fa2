"""The tests of tests/ansible that are marked with a topic of their table of versions (docs/testing.md), with other
versions of Ansible, on Debians whose Python those are for."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness import abilities, bare_machine, scratch, versions  # noqa: E402
from harness.versions import ANSIBLE, ENVIRONMENTS  # noqa: E402

scratch.end_on_signals()

#: Python's modules apart, what the tests need there.
PACKAGES = ("python3-venv", "python3-apt", "haproxy", "keepalived", "socat", "procps", "iproute2")

_SAY_VERSIONS = "PATH=/opt/ansible/bin:$PATH && ansible --version >/results/versions || exit\n"


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def environment(request):
    return request.param


@pytest.fixture(scope="module")
def run(environment):
    if reason := bare_machine.cannot():
        abilities.cannot(reason)
    wanted = ENVIRONMENTS[environment]
    made = versions.fetched_ansible(wanted, PACKAGES)
    return versions.run_marked("tests/ansible", wanted.suite, PACKAGES, f"--bind-ro={made}:/opt/ansible",
                               python="python", before=_SAY_VERSIONS)


@pytest.mark.parametrize("topic", ANSIBLE.topics)
def test_topic(run, topic):
    assert set(run.results.get(topic, [])) == {"passed"}, run.said


def test_the_table_in_the_documents_has_what_was_tried(environment, run):
    found = re.search(r"\[core ([\d.]+)\].*python version = (\d+\.\d+)", (run.directory / "versions").read_text(), re.S)
    assert ANSIBLE.documented(environment) == ANSIBLE.row(environment, found.groups(), run.results)
