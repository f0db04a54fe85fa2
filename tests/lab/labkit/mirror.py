"""The site's package mirror: a signed apt repository over HTTP, on the controller's address."""

import shutil
import subprocess

from harness.waiting import wait_for

from . import images, machines, network
from .commands import LabError, run, succeeds
from .places import CONTROLLER, ROUTERS, STATE, TREE

_ROOT = STATE / "mirror"
_KEY_NAME = "The lab's mirror <mirror@lab.example>"
_SERVER = ["/usr/bin/python3", "-m", "http.server", "--bind", CONTROLLER, "--directory",
           str(_ROOT), "80"]


def up():
    """Serves the routers' packages, without checkpg's own, and points the routers there."""
    _ROOT.mkdir(parents=True, exist_ok=True)
    for package in (images.directory() / "packages").iterdir():
        if not (_ROOT / package.name).exists():
            shutil.copy(package, _ROOT)
    _index()
    if not _serving():
        subprocess.Popen(network.inside(*_SERVER), stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                         start_new_session=True)
    wait_for(_serving, "the mirror's HTTP server")
    for router in ROUTERS:
        point(router)


def add(package):
    """Offers this .deb, too."""
    for old in _ROOT.glob("checkpg_*.deb"):
        old.unlink()
    shutil.copy(package, _ROOT)
    _index()


def newest_checkpg():
    """The .deb that packaging/deb/build has made."""
    found = sorted((TREE / "build/deb").glob("checkpg_*.deb"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise LabError("there is no build/deb/checkpg_*.deb: run packaging/deb/build first")
    return found[-1]


def _serving():
    return succeeds(*network.inside("/usr/bin/python3", "-c", "import urllib.request as request; "
                                    f"request.urlopen('http://{CONTROLLER}/InRelease')"))


def _index():
    (_ROOT / "Packages").write_text(run("apt-ftparchive", "packages", ".", cwd=_ROOT))
    (_ROOT / "InRelease").unlink(missing_ok=True)
    release = run("apt-ftparchive", "-o", "APT::FTPArchive::Release::Origin=checkpg-lab",
                  "release", ".", cwd=_ROOT)
    gpg = ["gpg", "--batch", "--homedir", _gpg_home()]
    (_ROOT / "InRelease").write_text(run(*gpg, "--clearsign", input=release))
    (_ROOT / "key.asc").write_text(run(*gpg, "--armor", "--export"))
    run("gpgconf", "--homedir", _gpg_home(), "--kill", "gpg-agent")


def _gpg_home():
    home = STATE / "gpg"
    if not home.exists():
        home.mkdir(mode=0o700)
        run("gpg", "--batch", "--homedir", home, "--passphrase", "", "--quick-generate-key",
            _KEY_NAME, "rsa3072", "sign", "1d")
    return home


def point(router):
    """Makes the mirror the router's only source of packages."""
    apt = machines.root(router) / "etc/apt"
    shutil.rmtree(apt / "sources.list.d", ignore_errors=True)
    (apt / "keyrings").mkdir(exist_ok=True)
    shutil.copy(_ROOT / "key.asc", apt / "keyrings/lab.asc")
    (apt / "sources.list").write_text(
        f"deb [signed-by=/etc/apt/keyrings/lab.asc] http://{CONTROLLER}/ ./\n")
