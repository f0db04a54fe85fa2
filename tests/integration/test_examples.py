"""docs/examples: HAProxy and keepalived accept their files as they are."""

import os
import shutil
import subprocess

import pytest
from harness import haproxy, scratch
from harness.checks import REPOSITORY, public_copy

EXAMPLES = REPOSITORY / "docs/examples"


def keepalived():
    """In sbin, which need not be on PATH."""
    found = shutil.which("keepalived", path="/usr/local/sbin:/usr/sbin")
    assert found, "keepalived was not found: install the keepalived package"
    return found


def complaints_of_keepalived(text):
    """(exit code, what it says) of a configuration, on a machine with an interface eth0."""
    path = scratch.directory("keepalived") / "keepalived.conf"
    path.write_text(text)
    # As process 1: elsewhere keepalived 2.2.7 ends its own configuration test with SIGTERM if
    # scripts run as another user than root.
    script = ('ip link add eth0 type veth peer name other && '
              'exec unshare --pid --fork "$0" --config-test -f "$1"')
    run = subprocess.run(["unshare", "--net", "sh", "-c", script, keepalived(), path],
                         capture_output=True, text=True, timeout=60)
    return run.returncode, run.stdout + run.stderr


@pytest.fixture
def keepalived_conf():
    """The example, with the executable where it is before it is installed."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    text = (EXAMPLES / "keepalived.conf").read_text()
    assert text.count('"/usr/bin/checkpgroutes --ping"') == 1
    return text.replace("/usr/bin/checkpgroutes", str(public_copy("checkpgroutes")))


def test_haproxy_accepts_haproxy_cfg():
    run = subprocess.run([haproxy.executable(), "-c", "-f", EXAMPLES / "haproxy.cfg"],
                         capture_output=True, text=True, timeout=60)
    output = run.stdout + run.stderr
    assert run.returncode == 0, output
    assert "[WARNING]" not in output and "[ALERT]" not in output


def test_keepalived_accepts_keepalived_conf(keepalived_conf):
    assert complaints_of_keepalived(keepalived_conf) == (0, "")


@pytest.mark.parametrize("right, wrong, complaint", [
    ("interval 1", "intervall 1", "Unknown keyword 'intervall'"),
    ("checkpgroutes", "nonesuch", "script haproxy since not found"),
    ("virtual_router_id 20", "virtual_router_id 256", "'256'"),
    ("interface eth0", "interface eth1", "eth1")])
def test_keepalived_would_not_accept_a_mistake(keepalived_conf, right, wrong, complaint):
    code, said = complaints_of_keepalived(keepalived_conf.replace(right, wrong))
    assert code != 0
    assert complaint in said
