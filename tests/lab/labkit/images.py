"""Root file systems the machines start from, and the packages of a site's mirror; cached.

`bare` is a Debian with systemd, ssh and Python: a router before its first deployment. `database`
has PostgreSQL, Patroni and etcd on top; the client is one, too, for its psycopg2. `packages` is
what the routers' roles install, with all that a bare machine lacks for it.
"""

import fcntl
import hashlib
import os
import shutil
from pathlib import Path

from harness import debian

from .commands import LabError, run
from .places import CACHE, STATE, SUITE

_BARE = ["dbus", "systemd", "systemd-sysv", "openssh-server", "python3", "iproute2", "procps"]
_DATABASE = ["postgresql", "patroni", "python3-etcd", "etcd-server", "etcd-client", "python3-psycopg2"]
_ROUTER = ["haproxy", "keepalived", "socat", "python3-apt", "rsyslog", "logrotate", "curl"]


def directory():
    """Where this recipe's images are."""
    recipe = Path(__file__).read_bytes() + SUITE.encode()
    return CACHE / hashlib.sha256(recipe).hexdigest()[:12]


def build():
    """Makes what the cache lacks; minutes the first time, nothing later."""
    made = directory()
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made.exists():
            return
        _remove_other_recipes(made)
        unfinished = made.with_suffix(".unfinished")
        unfinished.mkdir()
        _debootstrap(unfinished / "bare")
        _database(unfinished)
        unfinished.rename(made)


def _remove_other_recipes(made):
    if os.path.ismount(STATE):
        raise LabError("the images' recipe has changed, and a lab is up that uses the old ones: "
                       "lab down first")
    for old in CACHE.iterdir():
        if old.is_dir() and old != made:
            shutil.rmtree(old)


def _debootstrap(target):
    print(f"making the base image of {SUITE}: debootstrap", flush=True)
    debian.bootstrap(SUITE, target, *_BARE)
    (target / "etc/machine-id").write_text("")
    _start_no_service(target)


def _start_no_service(root):
    """Nothing may run in a chroot; and a machine's services start because a role says so."""
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)


def _database(images):
    print("making the database image and fetching the routers' packages", flush=True)
    root = images / "database"
    run("cp", "-a", images / "bare", root, timeout=600)
    _apt(root, "update")
    _fetch_router_packages(root, images / "packages")
    cluster = root / "etc/postgresql-common/createcluster.conf"
    cluster.parent.mkdir(parents=True, exist_ok=True)
    cluster.write_text("create_main_cluster = false\n")
    _apt(root, "install", "-o", "Dpkg::Options::=--force-confold", "--no-install-recommends",
         *_DATABASE)
    _apt(root, "clean")
    for image in (root, images / "bare"):
        (image / "usr/sbin/policy-rc.d").unlink()
        shutil.rmtree(image / "var/lib/apt/lists", ignore_errors=True)
    for service in ("patroni", "etcd", "postgresql"):
        run("chroot", root, "systemctl", "disable", service)


def _fetch_router_packages(root, target):
    """Downloaded while the root is still bare, so that nothing a bare machine lacks is left out."""
    _apt(root, "install", "--download-only", "--no-install-recommends", *_ROUTER)
    target.mkdir()
    for package in (root / "var/cache/apt/archives").glob("*.deb"):
        package.rename(target / package.name)


def _apt(root, *arguments):
    """The /proc that some packages need is gone with the command, whatever ends it."""
    run("unshare", "--mount", "sh", "-ec", 'mount -t proc proc "$0/proc"; exec chroot "$0" "$@"',
        root, "apt-get", "-q", "-y", "-o", "Acquire::Retries=3", *arguments,
        timeout=1800, env=debian.environment())
