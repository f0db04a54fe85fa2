"""The tests of the Ansible half run from their own directory, with the harness of the others."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness import scratch, versions  # noqa: E402

scratch.end_on_signals()


def pytest_configure(config):
    config.addinivalue_line("markers", "versions(topic): runs with other versions of Ansible, too (tests/versions)")


def pytest_collection_modifyitems(items):
    versions.ANSIBLE.tell(items)
