"""The executables as shipped: one file each that needs nothing else."""

import os
import shutil
import subprocess

import pytest
from harness import abilities, scratch
from harness.checks import Code, ask, bin_directory, has_openssl_that_ships, run_check

#: The budget, with the OpenSSL 3.0 that ships. Newer ones bring more algorithms: a check built on
#: Debian 13, with 3.5, has 9.7 MiB.
LARGEST, LARGEST_WITH_NEWER_OPENSSL = 7 * 2**20, 10 * 2**20

EXECUTABLES = sorted(path.name for path in bin_directory().glob("checkpg*")
                     if os.access(path, os.X_OK))


def test_both_checks_are_there():
    assert {"checkpgprimary", "checkpgstandby"} <= set(EXECUTABLES)


@pytest.mark.parametrize("name", EXECUTABLES)
def test_file_says_static_pie_and_stripped(name):
    if not shutil.which("file"):
        pytest.fail("file(1) was not found: install the package `file`")
    said = subprocess.run(["file", bin_directory() / name], capture_output=True, text=True).stdout
    assert "static-pie linked" in said
    assert "not stripped" not in said and "stripped" in said


@pytest.mark.parametrize("name", EXECUTABLES)
def test_the_size_is_within_the_budget(name, capsys):
    size = (bin_directory() / name).stat().st_size
    largest = LARGEST if has_openssl_that_ships() else LARGEST_WITH_NEWER_OPENSSL
    with capsys.disabled():
        print(f"\n{name}: {size / 2**20:.2f} MiB of {largest / 2**20:g}")
    assert size <= largest


class TestInAnEmptyChroot:
    """Nothing but the executable: no libraries, no /etc, no /dev."""

    @pytest.fixture(autouse=True)
    def jail(self):
        abilities.require_root("chroot")
        self.root = scratch.directory("jail")
        for name in ("checkpgprimary", "checkpgstandby"):
            shutil.copy(bin_directory() / name, self.root)

    def run(self, program, *arguments, env=None, **options):
        # An empty CHECKPG_CONFIG is none: the default file counts, which is the jail's.
        return run_check(f"/{program}", *arguments, prefix=["/usr/sbin/chroot", str(self.root)],
                         env={"CHECKPG_CONFIG": "", **(env or {})}, **options)

    def install(self, **files):
        etc = self.root / "etc/checkpg"
        etc.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = etc / name.replace("_", ".")
            path.write_text(text)
            path.chmod(0o600)

    def ask(self, program, server, **options):
        return self.run(program, "NOT_USED", "NOT_USED", server.address, server.port, **options)

    def test_it_finds_the_role(self, primary, standby):
        assert self.ask("checkpgprimary", primary).outcome == (Code.OK, "")
        assert self.ask("checkpgstandby", primary).outcome == (Code.OTHER_ROLE, "")
        assert self.ask("checkpgprimary", standby).outcome == (Code.OTHER_ROLE, "")
        assert self.ask("checkpgstandby", standby).outcome == (Code.OK, "")

    def test_with_closed_descriptors_and_no_dev_null(self, primary):
        run = self.ask("checkpgprimary", primary, closed_descriptors=True)
        assert run.code == Code.OK
        run = self.run("checkpgprimary", "--colour", closed_descriptors=True)
        assert run.code == Code.USAGE

    def test_it_reads_its_configuration_and_passwords_inside(self, primary):
        primary.authenticate("scram-sha-256")
        primary.set_password("secret")
        assert self.ask("checkpgprimary", primary).outcome == (Code.ACCESS_DENIED, "")
        self.install(pgpass="*:*:*:*:secret\n")
        assert self.ask("checkpgprimary", primary).outcome == (Code.OK, "")
        self.install(checkpg_conf="colour = blue\n")
        run = self.ask("checkpgprimary", primary)
        assert run.code == Code.CONFIGURATION
        assert "/etc/checkpg/checkpg.conf:1" in run.stderr

    def test_it_verifies_certificates_inside(self, primary, authority):
        primary.use_certificate(authority.issue("server", names=["db1.example"]))
        primary.authenticate("trust", connection="hostssl")
        self.install(root_crt=authority.certificate.read_text(), checkpg_conf=(
            "sslmode = verify-full\nsslrootcert = /etc/checkpg/root.crt\n"))
        for name, code in (("db1.example", Code.OK), ("db2.example", Code.ACCESS_DENIED)):
            run = self.ask("checkpgprimary", primary, env={"HAPROXY_SERVER_NAME": name})
            assert run.outcome == (code, "")

    def test_help_and_version(self):
        assert self.run("checkpgprimary", "--help").code == Code.OK
        assert self.run("checkpgprimary", "--version").code == Code.OK

    def test_a_name_that_can_not_be_looked_up_without_etc(self):
        run = self.run("checkpgprimary", "db1.example", "-t", "1")
        assert run.code == Code.UNREACHABLE


def test_the_machines_openssl_configuration_is_not_read(primary, authority):
    """A module that it names would be of another glibc. A FIFO in its place would hold us up."""
    abilities.require_private_mounts("a file in the place of OpenSSL's")
    directory = subprocess.run(["openssl", "version", "-d"], capture_output=True, text=True,
                               check=True).stdout.split('"')[1]
    fifo = scratch.directory("openssl") / "fifo"
    os.mkfifo(fifo)
    primary.use_certificate(authority.issue("server"))
    primary.authenticate("trust", connection="hostssl")
    in_its_place = 'mount --bind "$1" "$2/openssl.cnf" && shift 2 || exit'
    run = ask("checkpgprimary", primary, configuration="sslmode = require\n",
              prefix=abilities.with_private_mounts(in_its_place, fifo, directory))
    assert run.outcome == (Code.OK, "")


def test_encryption_by_gssapi_can_not_be_demanded(primary):
    """There is none here; `prefer` is as good as no word."""
    run = ask("checkpgprimary", primary, configuration="gssencmode = require\n")
    assert (run.code, run.stdout) == (Code.CONFIGURATION, "")
    assert "gssencmode 'require'" in run.stderr and "GSSAPI" in run.stderr
    run = ask("checkpgprimary", primary, configuration="gssencmode = prefer\n")
    assert run.outcome == (Code.OK, "")
