"""docs/examples: HAProxy and keepalived accept their files as they are."""

import subprocess

import pytest
from harness import haproxy, keepalived
from harness.checks import REPOSITORY

EXAMPLES = REPOSITORY / "docs/examples"


@pytest.fixture
def keepalived_conf():
    return keepalived.prepared((EXAMPLES / "keepalived.conf").read_text())


def test_haproxy_accepts_haproxy_cfg():
    run = subprocess.run([haproxy.executable(), "-c", "-f", EXAMPLES / "haproxy.cfg"],
                         capture_output=True, text=True, timeout=60)
    output = run.stdout + run.stderr
    assert run.returncode == 0, output
    assert "[WARNING]" not in output and "[ALERT]" not in output


def test_keepalived_accepts_keepalived_conf(keepalived_conf):
    assert keepalived.complaints(keepalived_conf) == (0, "")


@pytest.mark.parametrize("right, wrong, complaint", [
    ("interval 1", "intervall 1", "Unknown keyword 'intervall'"),
    ("checkpgroutes", "nonesuch", "script haproxy since not found"),
    ("virtual_router_id 20", "virtual_router_id 256", "'256'"),
    (" interface ", " interface no", "interface no")])
def test_keepalived_would_not_accept_a_mistake(keepalived_conf, right, wrong, complaint):
    code, said = keepalived.complaints(keepalived_conf.replace(right, wrong))
    assert code != 0
    assert complaint in said
