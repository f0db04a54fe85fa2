"""A Debian of which nothing but minbase is there, or little more, for one command; it is gone with the
command."""

import os
import subprocess

from . import abilities, debian, scratch
from .checks import REPOSITORY

#: The exit status that says that there was no machine.
NO_MACHINE = 125

UNPRIVILEGED = (
    "--drop-capability=CAP_SYS_ADMIN,CAP_NET_ADMIN,CAP_SYS_PTRACE,CAP_SYS_BOOT,CAP_SYS_RESOURCE,CAP_MKNOD",
    "--system-call-filter=~unshare ~mount ~setns ~pivot_root")
OFFLINE = ("--private-network",)
#: What root has on a machine of its own, and nspawn does not give: networks and clocks of namespaces.
PRIVILEGED = ("--capability=CAP_NET_ADMIN,CAP_SYS_TIME",)

#: What apt has to know of the way to its mirror.
_APT_OPTIONS = ["Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::Check-Valid-Until",
               "Acquire::Check-Date"]

#: Whatever ends us ends all that runs there: nspawn's own process 1 would outlive nspawn.
_TOGETHER = ("/usr/bin/setpriv", "--pdeathsig", "KILL",
             "/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "--kill-child")

#: In a mount namespace of its own: whatever ends the machine, its file systems go with it. nspawn wants
#: a tmpfs below /run.
_BOOT = """\
run=$1 lower=$2 tree=$3; shift 3
{ mkdir -p /run/systemd/nspawn && mount -t tmpfs bare-machine /run/systemd/nspawn &&
  mount -t tmpfs -o size=10g,mode=755 bare-machine "$run" && mkdir "$run/upper" "$run/work" "$run/root" &&
  mount -t overlay -o "lowerdir=$lower,upperdir=$run/upper,workdir=$run/work" bare-machine "$run/root" &&
  mkdir "$run/root/srv/checkpg" &&
  tar -c -C "$tree" --exclude=./build --exclude=./.git . | tar -x --no-same-owner -C "$run/root/srv/checkpg" &&
  cp /etc/resolv.conf "$run/root/etc/resolv.conf" &&
  apt-config dump --no-empty %s >"$run/root/etc/apt/apt.conf.d/90way-to-the-mirror"
} || exit 125""" % " ".join(_APT_OPTIONS)


def cannot():
    """Why there can be no such machine here; None if there can."""
    if reason := debian.cannot_make():
        return reason
    if not os.access("/usr/bin/systemd-nspawn", os.X_OK):
        return "systemd-nspawn is not installed: tests/install-packages bare"
    if not abilities.can_unshare("--mount", "--pid", "--fork"):
        return "mounts and namespaces are not allowed here"
    return None


def run(suite, command, *options, included=(), **more):
    """Runs the command in a copy of this tree there, with packages that are included; `options` are
    nspawn's, `more` is for subprocess.run, whose result is returned."""
    directory = scratch.directory("bare")
    if not set(UNPRIVILEGED) & set(options):
        options = (*PRIVILEGED, *options)
    nspawn = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--as-pid2",
              f"--machine=checkpg-bare-{os.getpid()}", f"--directory={directory}/root",
              "--chdir=/srv/checkpg", "--resolv-conf=off", "--timezone=off", "--console=pipe",
              f"--setenv=CI={os.environ.get('CI', '')}", *options, "--", *command]
    prefix = abilities.with_private_mounts(_BOOT, directory, debian.minbase(suite, *included),
                                          REPOSITORY)
    return subprocess.run([*_TOGETHER, *prefix, *nspawn], stdin=subprocess.DEVNULL, check=False, **more)
