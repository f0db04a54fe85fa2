"""The .deb installed into minimal roots of the Debian releases it is for, used there, purged."""

import shutil

import pytest
from harness.checks import Code, run_check
from harness.packages import (EXECUTABLES, deb_package, debian_root, files_below, output_of,
                              require_roots)

CONFIGURATION = "etc/checkpg/checkpg.conf"


@pytest.fixture(params=["bookworm", "trixie"], scope="module")
def debian(request):
    require_roots()
    root = debian_root(request.param)
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def root(debian):
    yield debian
    dpkg(debian, "--purge", "checkpg")
    shutil.rmtree(debian / "etc/checkpg", ignore_errors=True)


def dpkg(root, *arguments):
    return output_of("/usr/sbin/chroot", root, "dpkg", *arguments)


def install(root):
    shutil.copy(deb_package(), root / "checkpg.deb")
    dpkg(root, "-i", "/checkpg.deb")
    (root / "checkpg.deb").unlink()


def files(root):
    """All paths but dpkg's log and the copies of its own list."""
    return files_below(root) - {"var/log/dpkg.log", "var/lib/dpkg/status-old",
                                "var/lib/dpkg/diversions-old", "var/lib/dpkg/statoverride-old"}


def test_it_runs_and_purge_leaves_nothing(root, primary):
    before = files(root)
    install(root)
    for name in EXECUTABLES:
        prefix = ["/usr/sbin/chroot", str(root)]
        env = {"CHECKPG_CONFIG": ""}
        assert run_check(f"/usr/bin/{name}", "--version", prefix=prefix, env=env).code == Code.OK
    for name, code in (("checkpgprimary", Code.OK), ("checkpgstandby", Code.OTHER_ROLE)):
        run = run_check(f"/usr/bin/{name}", "NOT_USED", "NOT_USED", primary.address, primary.port,
                        prefix=prefix, env=env)
        assert run.outcome == (code, "")
    dpkg(root, "--purge", "checkpg")
    assert files(root) == before


def test_an_edited_configuration_survives_an_upgrade_and_a_removal(root):
    install(root)
    (root / CONFIGURATION).write_text("timeout = 1s\n")
    install(root)
    assert (root / CONFIGURATION).read_text() == "timeout = 1s\n"
    dpkg(root, "--remove", "checkpg")
    assert (root / CONFIGURATION).read_text() == "timeout = 1s\n"
    dpkg(root, "--purge", "checkpg")
    assert not (root / "etc/checkpg").exists()


def test_a_password_file_is_the_sites_own(root):
    install(root)
    (root / "etc/checkpg/pgpass").write_text("*:*:*:*:secret\n")
    dpkg(root, "--purge", "checkpg")
    assert files_below(root / "etc/checkpg") == {"pgpass"}
