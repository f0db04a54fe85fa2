"""Machines: systemd-nspawn containers with their own systemd, each on an overlay of its image."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from harness.waiting import wait_for

from . import images, network
from .commands import LabError, run, succeeds
from .places import (ADDRESSES, BRIDGE, DATABASES, LOGS, PREFIX, ROUTERS, STATE, VIP,
                     hosts_file)

_NETWORK = """\
[Unit]
Description=The lab's network
DefaultDependencies=no
Before=network-pre.target
Wants=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/ip link set lo up
ExecStart=/bin/ip address add {address}/{prefix} dev host0
ExecStart=/bin/ip link set host0 up

[Install]
WantedBy=sysinit.target
"""


def root(name):
    """The machine's root directory, as this machine sees it."""
    return STATE / "machines" / name / "root"


def create(name):
    """Lays the machine's overlay on its image, with its name, address and the lab's ssh key."""
    directory = root(name).parent
    if os.path.ismount(root(name)):
        return
    for part in ("upper", "work", "root"):
        (directory / part).mkdir(parents=True, exist_ok=True)
    image = images.directory() / ("bare" if name in ROUTERS else "database")
    run("mount", "-t", "overlay", f"checkpg-lab-{name}", root(name), "-o",
        f"lowerdir={image},upperdir={directory}/upper,workdir={directory}/work")
    _write(name, "etc/hostname", f"{name}\n")
    _write(name, "etc/hosts", hosts_file())
    _write(name, "etc/resolv.conf", "")
    _write(name, "etc/systemd/system/lab-network.service",
           _NETWORK.format(address=ADDRESSES[name], prefix=PREFIX))
    _write(name, "root/.ssh/authorized_keys", (STATE / "ssh/key.pub").read_text())
    run("chroot", root(name), "systemctl", "enable", "lab-network.service")
    run("chroot", root(name), "systemctl", "mask", "apt-daily.timer", "apt-daily-upgrade.timer",
        "e2scrub_all.timer", "console-getty.service", "systemd-logind.service")


def _write(name, path, text):
    file = root(name) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_text(text)


def boot(name):
    """Switches the machine on, unless it runs; it may take a moment until it is ready()."""
    if running(name):
        return
    command = ["systemd-nspawn", "--quiet", "--register=no", "--boot", f"--machine={name}",
               f"--directory={root(name)}", f"--network-bridge={BRIDGE}", "--link-journal=no",
               "--resolv-conf=off", "--timezone=off", "--console=read-only"]
    cgroups = []
    if not Path("/run/systemd/system").exists():
        command.insert(1, "--keep-unit")
        cgroups = _own_cgroups(name)
    with (STATE / "machines" / name / "console").open("ab") as console:
        process = subprocess.Popen(
            _in_cgroups(cgroups, network.inside(*command)), stdin=subprocess.DEVNULL,
            stdout=console, stderr=console, start_new_session=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "UNIFIED_CGROUP_HIERARCHY": "1"})
    (STATE / "machines" / name / "pid").write_text(str(process.pid))


def _own_cgroups(name):
    """Without a systemd to ask, each machine gets a control group by hand: sharing one, the
    machines' systemds would end each other's services."""
    made = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        words, _, tail = line.partition(" - ")
        if tail.startswith("cgroup2 ") or "name=systemd" in tail:
            group = Path(words.split()[4]) / "checkpg-lab" / name
            group.mkdir(parents=True, exist_ok=True)
            made.append(group)
    return made


def _in_cgroups(groups, command):
    """The shell moves itself, and becomes the command."""
    moves = "".join(f"echo $$ >{group}/cgroup.procs; " for group in groups)
    return ["sh", "-ec", moves + 'exec "$@"', "sh", *command]


def leader(name):
    """The pid of the machine's systemd, or None if the machine is off."""
    try:
        supervisor = int((STATE / "machines" / name / "pid").read_text())
        words = Path(f"/proc/{supervisor}/cmdline").read_bytes().decode().split("\0")
        children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    except (OSError, ValueError):
        return None
    return int(children[0]) if f"--machine={name}" in words and children else None


def running(name):
    """Whether the machine is switched on."""
    return leader(name) is not None


def inside(name, *command):
    """The command, to be run in the machine as root."""
    pid = leader(name)
    if pid is None:
        raise LabError(f"{name} is switched off")
    return ["nsenter", f"--target={pid}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup",
            "--root", "--wd", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
            "LC_ALL=C.UTF-8", *map(str, command)]


def run_in(name, *command, **options):
    """Runs a command in the machine, as run() does here."""
    return run(*inside(name, *command), **options)


def ready(name):
    """Whether the machine has booted as far as its ssh server."""
    return running(name) and succeeds(*inside(name, "systemctl", "is-active", "--quiet", "ssh"))


def boot_all(names=tuple(ADDRESSES)):
    """Switches machines on and waits until all are ready."""
    for name in names:
        create(name)
        boot(name)
    for name in names:
        wait_for(lambda name=name: ready(name), f"{name} to boot: {STATE}/machines/{name}/console",
                 120)


def power_off(name):
    """Pulls the machine's cable and its plug. Returns the moment, as time.monotonic() tells it."""
    pid = leader(name)
    if pid is None:
        raise LabError(f"{name} is off already")
    network.cut(name)
    moment = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not running(name), f"{name} to be off")
    return moment


def power_on(name):
    """Boots a machine that was off, with the disk it had."""
    wait_for(lambda: not succeeds("ip", "-n", network.NAMESPACE, "link", "show", f"vb-{name}"),
             f"the old cable of {name} to be gone")
    boot_all([name])


@contextlib.contextmanager
def deaf(name, *addresses):
    """Meanwhile the machine hears nothing of what comes from these addresses, as if it was lost on the way."""
    with _deaf(name, f"ip saddr {{ {', '.join(addresses)} }}"):
        yield


@contextlib.contextmanager
def without_store(name):
    """Meanwhile the machine has no part in etcd: nothing of what the others there say arrives."""
    with _deaf(name, 'iif != "lo" tcp sport { 2379, 2380 }', 'iif != "lo" tcp dport { 2379, 2380 }'):
        yield


@contextlib.contextmanager
def deaf_to_all(name):
    """Meanwhile nothing arrives at the machine, ARP included; what it sends does."""
    _nft(name, "add table netdev deaf; add chain netdev deaf heard "
               "{ type filter hook ingress device host0 priority 0; policy drop; }")
    try:
        yield
    finally:
        _nft(name, "delete table netdev deaf")


@contextlib.contextmanager
def without_gratuitous_arp(name):
    """Meanwhile the machine hears no ARP for which it didn't ask: none that says where the virtual IP is now."""
    _nft(name, "add table arp deaf; add chain arp deaf heard { type filter hook input priority 0; }; "
               f"add rule arp deaf heard arp daddr ip {VIP} drop")
    try:
        yield
    finally:
        _nft(name, "delete table arp deaf")


@contextlib.contextmanager
def far_away(name, seconds):
    """Meanwhile all that the machine sends or is sent takes so long."""
    offload = [*_in_network_of(name), "ethtool", "-K", "host0", "tx"]
    run(*offload, "off")  # a checksum is computed when a frame leaves, or by the next interface
    shorten = network.lengthen(name, seconds)
    try:
        yield
    finally:
        shorten()
        run(*offload, "on")


@contextlib.contextmanager
def _deaf(name, *matches):
    rules = "".join(f"add rule ip deaf heard {match} drop; " for match in matches)
    _nft(name, "add table ip deaf; add chain ip deaf heard { type filter hook input priority 0; }; " + rules)
    try:
        yield
    finally:
        _nft(name, "delete table ip deaf")


def _nft(name, commands):
    run(*_in_network_of(name), "nft", commands)


def _in_network_of(name):
    return ["nsenter", f"--target={leader(name)}", "--net"]


def processes():
    """The pids of all that runs in machines, also if whoever started them is long gone."""
    found = []
    for mounts in Path("/proc").glob("[0-9]*/mountinfo"):
        with contextlib.suppress(OSError):
            if re.search(r"^\S+ \S+ \S+ \S+ / .* - overlay checkpg-lab-", mounts.read_text(), re.M):
                found.append(int(mounts.parent.name))
    return found


def wipe(name):
    """Gives the machine a new disk; it is off afterwards."""
    if running(name):
        power_off(name)
    wait_for(lambda: succeeds("umount", root(name)), f"the disk of {name} to be free")
    shutil.rmtree(root(name).parent / "upper")
    create(name)


def keep_logs():
    """Saves each machine's console and journal under build/lab/logs."""
    LOGS.mkdir(parents=True, exist_ok=True)
    for name in ADDRESSES:
        console = STATE / "machines" / name / "console"
        if console.exists():
            shutil.copy(console, LOGS / f"{name}.console")
        journal = root(name) / "var/log/journal"
        if journal.exists():
            text = run("journalctl", "--directory", journal, "--no-pager", "-o", "short-precise",
                       check=False)
            (LOGS / f"{name}.journal").write_text(text)
    for name in DATABASES:
        for log in root(name).glob("var/log/postgresql/*.log"):
            shutil.copy(log, LOGS / f"{name}.{log.name}")


def remove_all():
    """Unmounts what create() mounted; the machines are off."""
    for name in ADDRESSES:
        if os.path.ismount(root(name)):
            run("umount", root(name))
    for mount in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"):
        top = Path(mount) / "checkpg-lab"
        wait_for(lambda top=top: _without_cgroups(top), f"{top} to be empty")


def _without_cgroups(top):
    """A group is busy for a moment after its last process has ended."""
    for directory, _, _ in os.walk(top, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(directory)
    return not top.exists()
