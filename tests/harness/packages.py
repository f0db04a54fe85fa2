"""The packages that packaging/rpm/build and packaging/deb/build made, and roots to install into."""

import re
import shutil
import subprocess
from pathlib import Path

from . import abilities, debian, scratch
from .checks import REPOSITORY

EXECUTABLES = ["checkpgprimary", "checkpgroutes", "checkpgstandby"]

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def version():
    """The project's version, from the one place that has it."""
    return (REPOSITORY / "VERSION").read_text().strip()


def rpm_package(release=1, directory=REPOSITORY / "build/rpm"):
    return _built(directory / f"checkpg-{version()}-{release}.x86_64.rpm")


def selinux_package(release=1, directory=REPOSITORY / "build/rpm"):
    return _built(directory / f"checkpg-selinux-{version()}-{release}.noarch.rpm")


def deb_package(directory=REPOSITORY / "build/deb"):
    return _built(directory / f"checkpg_{version()}-1_amd64.deb")


def output_of(*command, **options):
    """What a command prints; if it fails, a RuntimeError with all of that."""
    options = {"env": {"PATH": _PATH, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}, **options}
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout[-8000:]}")
    return done.stdout


def rpm(root, *arguments):
    """Runs rpm on a root's own database."""
    return output_of("rpm", "--root", root, "--dbpath", "/var/lib/rpm", *arguments)


def rpmbuild(*arguments, cwd, epoch):
    """Runs rpmbuild, and returns the directory with the packages."""
    directory = scratch.directory("rpmbuild")
    output_of("rpmbuild", "--nodeps", "--noclean", *arguments, "--define", f"_topdir {directory}",
              "--define", f"_rpmdir {directory}",
              "--define", "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm", cwd=cwd,
              env={"PATH": _PATH, "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": str(epoch)})
    return directory


def files_below(root):
    """Every path below a root, relative to it."""
    return {str(path.relative_to(root)) for path in Path(root).rglob("*")}


def debian_root(suite):
    """A new root with a minimal Debian, without devices: nothing here reads one."""
    root = scratch.directory(suite)
    output_of("sh", "-c", 'tar -c --numeric-owner --exclude="./dev/*" -C "$0" . |'
              ' tar -x --numeric-owner -C "$1"', debian.minbase(suite), root)
    return root


def require_roots():
    """For tests that install into a root directory of their own."""
    abilities.require_root("installing into a root directory")
    if reason := debian.cannot_make():
        abilities.cannot(reason)


def shell_root():
    """A new root with nothing but /bin/sh, which scriptlets are run by."""
    root = scratch.directory("shell")
    libraries = re.findall(r"(/\S+) \(0x", output_of("ldd", "/bin/sh"))
    for path in ["/bin/sh", *libraries]:
        copy = root / path.lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return root


def _built(path):
    if not path.exists():
        raise FileNotFoundError(f"{path} doesn't exist: run packaging/rpm/build and "
                                "packaging/deb/build first")
    return path
