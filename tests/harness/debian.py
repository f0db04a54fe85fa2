"""Debian's own file systems, made by debootstrap from the mirror this machine's apt uses, and kept in
/var/cache/checkpg-debian: each takes a minute to make."""

import fcntl
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from . import abilities

CACHE = Path("/var/cache/checkpg-debian")


def cannot_make():
    """Why debootstrap can't work on this machine; None if it can."""
    if os.geteuid() != 0:
        return "debootstrap needs root"
    if not shutil.which("debootstrap", path="/usr/sbin:/usr/bin"):
        return "debootstrap is not installed"
    device = CACHE / f"null-{os.getpid()}"
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
        os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        device.unlink()
    except OSError as error:
        return f"debootstrap makes device files, and this machine says: {error.strerror}"
    if not abilities.can_unshare("--mount"):
        return "debootstrap mounts file systems, and that is not allowed here"
    return None


def minbase(suite, *included):
    """The directory of a minimal system, with these packages on top, that nobody has used; not to be
    written to."""
    CACHE.mkdir(parents=True, exist_ok=True)
    name = "+".join([suite, *included])
    made, unfinished = CACHE / name, CACHE / f"{name}.unfinished"
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            try:
                bootstrap(suite, unfinished, *included)
            except RuntimeError:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
            unfinished.rename(made)
    return made


def bootstrap(suite, target, *included):
    """Makes a minimal system with these packages on top. RuntimeError says what debootstrap said.
    What debootstrap mounts there is gone with it, however it ends."""
    done = subprocess.run(["/usr/bin/unshare", "--mount", "/usr/sbin/debootstrap", "--variant=minbase",
                           *([f"--include={','.join(included)}"] if included else []),
                           suite, target, mirror()],
                          env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=1800)
    if done.returncode:
        raise RuntimeError(f"debootstrap {suite} failed: {done.stdout.strip()[-3000:]}")
    for package in (target / "var/cache/apt/archives").glob("*.deb"):
        package.unlink()


def mirror():
    """Where this system's own packages come from: it may reach no other place. Its security updates are
    elsewhere, and others have a component main, too."""
    targets = subprocess.run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)"],
                             capture_output=True, text=True, check=True).stdout
    found = re.search(r"^Debian [a-z]+ main (\S+)", targets, re.M)
    if not found:
        raise RuntimeError("apt on this machine knows no mirror of Debian: run apt-get update")
    return found[1]


def environment():
    """debootstrap knows proxies only by the environment, apt has them in its configuration."""
    proxy = subprocess.run(["apt-config", "shell", "proxy", "Acquire::http::Proxy"],
                           capture_output=True, text=True, check=True).stdout.strip()
    value = proxy.partition("=")[2].strip("'")
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive",
            "LC_ALL": "C.UTF-8", **({"http_proxy": value} if value else {})}
