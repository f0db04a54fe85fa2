"""One network namespace with a bridge. It has no way out: no uplink, no default route."""

import subprocess
import sys

from .commands import run, succeeds
from .places import BRIDGE, CONTROLLER, LAB, NAMESPACE, PREFIX


def up():
    """Makes the namespace and its bridge, if they aren't there."""
    if not exists():
        run("ip", "netns", "add", NAMESPACE)
    if not succeeds("ip", "-n", NAMESPACE, "link", "show", BRIDGE):
        _ip("link", "add", BRIDGE, "type", "bridge", "forward_delay", "0")
        _ip("address", "add", f"{CONTROLLER}/{PREFIX}", "dev", BRIDGE)
        for interface in ("lo", BRIDGE):
            _ip("link", "set", interface, "up")


def exists():
    """Whether there is a lab's namespace."""
    return any(line.split()[:1] == [NAMESPACE] for line in run("ip", "netns", "list").splitlines())


def inside(*command):
    """The command, to be run with the lab's network: as the controller, whose address is 192.0.2.1."""
    return ["nsenter", f"--net=/run/netns/{NAMESPACE}", *map(str, command)]


def processes():
    """The pids of all that runs in the namespace: what `up` started, and nothing else."""
    return [int(pid) for pid in run("ip", "netns", "pids", NAMESPACE).split()] if exists() else []


def cut(machine):
    """Pulls the machine's cable: nobody hears how it ends, as when its power fails."""
    _ip("link", "set", f"vb-{machine}", "down")


def lengthen(machine, seconds):
    """All that the machine sends or is sent takes so long on its cable; it leaves no checksum to its interface. Returns
    what ends it."""
    cable, near, far = f"vb-{machine}", f"vs-{machine}", f"vf-{machine}"
    _ip("link", "set", cable, "nomaster")
    _ip("link", "add", near, "type", "veth", "peer", "name", far)
    run(*inside("ethtool", "-K", near, "tx", "off"))
    for end in (near, far):
        _ip("link", "set", end, "up")
    _ip("link", "set", near, "master", BRIDGE)
    delay = subprocess.Popen(inside(sys.executable, LAB / "labkit/slow_cable.py", cable, far, seconds))

    def shorten():
        delay.terminate()
        delay.wait()
        _ip("link", "delete", near)
        _ip("link", "set", cable, "master", BRIDGE)
    return shorten


def down():
    """Removes the namespace, with all interfaces in it."""
    if exists():
        run("ip", "netns", "del", NAMESPACE)


def _ip(*arguments):
    run("ip", "-n", NAMESPACE, *arguments)
