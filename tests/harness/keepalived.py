"""What keepalived says of a configuration, on the machine as it is: nothing of it is set up."""

import os
import re
import shutil
import subprocess

from . import abilities, scratch
from .checks import public_copy


def prepared(text):
    """The configuration with what it needs of a router: an interface of this machine's, and the
    executable where it is before it is installed."""
    assert text.count("/usr/bin/checkpgroutes --ping") == 1
    text = text.replace("/usr/bin/checkpgroutes", str(public_copy("checkpgroutes")))
    return re.sub(r"( interface| dev) \S+", rf"\1 {interface()}", text)


def complaints(text):
    """(exit code, what it says)"""
    path = scratch.directory("keepalived") / "keepalived.conf"
    path.write_text(text)
    # keepalived 2.2.7 ends its own configuration test with SIGTERM if scripts run as another user
    # than root.
    run = subprocess.run(["/usr/bin/env", "--ignore-signal=TERM", _executable(), "--config-test",
                          "-f", path], capture_output=True, text=True, timeout=60)
    return run.returncode, run.stdout + run.stderr


def interface():
    """The name of one that this machine has."""
    for name in sorted(os.listdir("/sys/class/net")):
        if name != "lo":
            return name
    abilities.cannot("this machine has no network interface but lo, which keepalived refuses")


def _executable():
    """In sbin, which need not be on PATH."""
    found = shutil.which("keepalived", path="/usr/local/sbin:/usr/sbin")
    assert found, "keepalived was not found: install the keepalived package"
    return found
