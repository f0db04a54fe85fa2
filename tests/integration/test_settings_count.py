"""What is configured counts, or the check says that it can't: nothing is passed over in silence."""

import json
import os
import pwd
import shutil
import signal
import subprocess

import pytest
from harness import abilities, certificates, hostile, scratch, stages
from harness.checks import (Code, ask, is_instrumented, public_copy, run_as_haproxy, run_check,
                            write_configuration)
from harness.waiting import PATIENCE, wait_for

NAME = "db1.example"
OK, DENIED = (Code.OK, ""), (Code.ACCESS_DENIED, "")

#: Revoked certificates that make a list of more than 5 MB.
MANY = 110_000



def refused(run, *words):
    """A configuration error: one line on stderr that has these words."""
    assert (run.code, run.stdout) == (Code.CONFIGURATION, ""), run
    assert run.stderr.count("\n") == 1, run.stderr
    for word in words:
        assert str(word) in run.stderr, run.stderr
    return True


@pytest.fixture
def server(primary, authority):
    """A primary that insists on TLS, with its certificate as `issued`."""
    issued = authority.issue("server", names=[NAME], addresses=["127.0.0.1"])
    primary.use_certificate(issued)
    primary.authenticate("trust", connection="hostssl")
    primary.issued = issued
    return primary


@pytest.fixture(scope="module")
def huge(authority):
    """A revocation list of more than 5 MB in which no server's certificate is yet."""
    path = authority.revocation_list(strangers=MANY)
    assert path.stat().st_size > 5_000_000
    return path


def verified(authority, *lines, sslmode="verify-full"):
    return "\n".join([f"sslmode = {sslmode}", f"sslrootcert = {authority.certificate}",
                      "timeout = 10s", *lines, ""])


class TestRevocationList:
    @pytest.mark.parametrize("sslmode", ["require", "verify-ca", "verify-full"])
    def test_a_revoked_certificate(self, server, authority, sslmode):
        good = authority.revocation_list()
        authority.revoke(server.issued)
        for crl, outcome in ((good, OK), (authority.revocation_list(), DENIED)):
            run = ask("checkpgprimary", server, server=NAME, configuration=verified(
                authority, f"sslcrl = {crl}", sslmode=sslmode))
            assert run.outcome == outcome

    def test_five_megabytes(self, server, authority, huge):
        run = ask("checkpgprimary", server, server=NAME,
                  configuration=verified(authority, f"sslcrl = {huge}"))
        assert run.outcome == OK
        authority.revoke(server.issued)
        run = ask("checkpgprimary", server, server=NAME, configuration=verified(
            authority, f"sslcrl = {authority.revocation_list(strangers=MANY)}"))
        assert run.outcome == DENIED

    def test_what_memory_is_too_short_for_is_never_a_yes(self, server, authority, huge):
        if is_instrumented():
            pytest.skip("the address sanitizer needs terabytes of address space")
        codes = set()
        for size in range(8, 48, 4):
            prefix = ["/usr/bin/prlimit", f"--data={size * 2**20}:{size * 2**20}", "--"]
            authority.revoke(server.issued) if size == 8 else None
            run = ask("checkpgprimary", server, server=NAME, prefix=prefix,
                      configuration=verified(authority, f"sslcrl = {huge}"))
            codes.add(run.code)
            assert run.code in (Code.OK, Code.CONFIGURATION, Code.ACCESS_DENIED, Code.INTERNAL)
            if run.code == Code.OK:  # the list is there: this certificate is not in it
                assert size >= 20
        assert Code.CONFIGURATION in codes and Code.OK in codes

    @pytest.mark.parametrize("content", [
        b"", b"no list\n", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"],
        ids=["empty", "text", "broken"])
    @pytest.mark.parametrize("sslmode", ["require", "verify-full"])
    def test_what_is_no_list(self, server, authority, sslmode, content):
        crl = scratch.directory("crl") / "root.crl"
        crl.write_bytes(content)
        run = ask("checkpgprimary", server, server=NAME, configuration=verified(
            authority, f"sslcrl = {crl}", sslmode=sslmode))
        assert refused(run, "sslcrl", crl)

    def test_a_list_that_is_cut_off(self, server, authority):
        crl = scratch.directory("crl") / "root.crl"
        crl.write_text(authority.revocation_list().read_text()[:-60])
        run = ask("checkpgprimary", server, server=NAME,
                  configuration=verified(authority, f"sslcrl = {crl}"))
        assert refused(run, "sslcrl", crl)

    def test_no_password_goes_to_a_server_before_the_list_is_known_to_count(self, authority):
        """The list is read during the handshake: after it and before anything is said."""
        crl = scratch.directory("crl") / "root.crl"
        crl.write_text("no list\n")
        with hostile.StandIn(lambda connection: stages.encrypted(connection).hold()) as server:
            run = ask("checkpgprimary", server, server="db1", passwords="*:*:*:*:secret\n",
                      configuration=f"sslmode = verify-full\nsslcrl = {crl}\n"
                                    f"sslrootcert = {stages.authority().certificate}\n")
        assert refused(run, "sslcrl")

    def test_a_directory_of_lists(self, server, authority):
        directory = scratch.directory("crls")
        shutil.copy(authority.revocation_list(), directory / "one.pem")
        subprocess.run(["openssl", "rehash", directory], check=True, capture_output=True)
        configuration = verified(authority, f"sslcrldir = {directory}")
        assert ask("checkpgprimary", server, server=NAME,
                   configuration=configuration).outcome == OK
        authority.revoke(server.issued)
        shutil.copy(authority.revocation_list(), directory / "one.pem")
        subprocess.run(["openssl", "rehash", directory], check=True, capture_output=True)
        assert ask("checkpgprimary", server, server=NAME,
                   configuration=configuration).outcome == DENIED

    def test_a_peer_is_verified_by_the_list_too(self, server, standby, authority, huge):
        """The peer's certificate, not in the list: the peer is heard."""
        standby.use_certificate(authority.issue("peer", names=["db2.example"]))
        run = run_check("checkpgprimary", "-v", "--backend", "rw", "--host", "127.0.0.1", "-p",
                        server.port, configuration=verified(
                            authority, f"sslcrl = {huge}", "peer-timeout = 5s",
                            f"peers = db2.example=127.0.0.1:{standby.port}"))
        assert run.code == Code.OK
        assert f"peer db2.example=127.0.0.1:{standby.port} is a standby" in run.stdout


FILE_KEYS = ["sslrootcert", "sslcrl", "sslcrldir", "sslcert", "sslkey"]


def missing():
    return scratch.directory("nothing") / "file"


def forbidden():
    path = scratch.directory("forbidden") / "file"
    path.write_text("x")
    path.chmod(0)
    return path


def fifo():
    path = scratch.directory("fifo") / "file"
    os.mkfifo(path)
    return path


def below_a_file():
    path = scratch.directory("file") / "file"
    path.write_text("x")
    return path / "file"


def a_directory():
    return scratch.directory("directory")


class TestFiles:
    @pytest.fixture(autouse=True)
    def settings(self, authority):
        ours = authority.issue("checkpg")
        self.good = {"sslrootcert": authority.certificate, "sslcrl": authority.revocation_list(),
                     "sslcert": ours.certificate, "sslkey": ours.key}

    def configuration(self, sslmode, **files):
        files = {**self.good, **files}
        if sslmode in ("allow", "prefer"):  # where nothing is verified
            files = {key: file for key, file in files.items() if key in ("sslcert", "sslkey")}
        return "".join([f"sslmode = {sslmode}\n",
                        *(f"{key} = {file}\n" for key, file in files.items())])

    @pytest.mark.parametrize("sslmode", ["require", "verify-ca", "verify-full"])
    @pytest.mark.parametrize("key", FILE_KEYS)
    @pytest.mark.parametrize("make", [missing, fifo, below_a_file, "/dev/zero"],
                             ids=["missing", "FIFO", "below a file", "device"])
    def test_a_file_that_can_not_be_read(self, server, key, make, sslmode):
        path = make if isinstance(make, str) else make()
        run = ask("checkpgprimary", server, server=NAME,
                  configuration=self.configuration(sslmode, **{key: path}))
        assert refused(run, key, path)
        assert run.seconds < 1.0 * PATIENCE

    @pytest.mark.parametrize("sslmode", ["allow", "prefer"])
    @pytest.mark.parametrize("key", ["sslcert", "sslkey"])
    def test_our_certificate_where_nothing_is_verified(self, server, key, sslmode):
        path = missing()
        run = ask("checkpgprimary", server, server=NAME,
                  configuration=self.configuration(sslmode, **{key: path}))
        assert refused(run, key, path)

    @pytest.mark.parametrize("key", ["sslrootcert", "sslcrl", "sslcert", "sslkey"])
    def test_a_directory_in_a_files_place(self, server, key):
        path = a_directory()
        run = ask("checkpgprimary", server, server=NAME,
                  configuration=self.configuration("verify-full", **{key: path}))
        assert refused(run, key, path)

    @pytest.mark.parametrize("key", FILE_KEYS)
    def test_a_file_that_haproxys_user_may_not_read(self, server, key):
        abilities.require_root("becoming another user")
        self.good["sslkey"].chmod(0o640)
        for file in [*self.good.values(), self.good["sslkey"]]:
            os.chown(file, 65534, 65534)
            for directory in (file.parent, file.parent.parent):
                directory.chmod(0o755)
        path = scratch.directory("theirs")
        path.chmod(0o700)
        if key != "sslcrldir":
            path = path / "file"
            path.write_text("x")
        configuration = write_configuration(self.configuration("verify-full", **{key: path}),
                                            mode=0o644)
        configuration.parent.chmod(0o755)
        prefix = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        run = run_as_haproxy(public_copy("checkpgprimary"), server.address, server.port,
                             prefix=prefix, env={"CHECKPG_CONFIG": configuration})
        assert refused(run, key, path)

    @pytest.mark.parametrize("key", FILE_KEYS)
    def test_where_tls_is_off_its_files_do_not_count(self, primary, key):
        run = ask("checkpgprimary", primary,
                  configuration=self.configuration("disable", **{key: missing()}))
        assert run.outcome == OK

    def test_over_a_unix_socket_they_do_not_count(self, primary):
        run = run_as_haproxy("checkpgprimary", primary.socket, "NOT_USED",
                             configuration=self.configuration("require", sslrootcert=missing()))
        assert run.outcome == OK

    def test_over_a_unix_socket_they_count_for_the_peers(self, primary, standby):
        path = missing()
        run = run_as_haproxy("checkpgprimary", primary.socket, "NOT_USED", configuration=(
            f"peers = 127.0.0.1:{standby.port}\n"
            + self.configuration("require", sslrootcert=path)))
        assert refused(run, "sslrootcert", path)

    @pytest.mark.parametrize("key", ["sslrootcert", "sslcert"])
    def test_a_file_without_a_certificate(self, server, key):
        path = scratch.directory("text") / "file"
        path.write_text("no certificate\n")
        run = ask("checkpgprimary", server, server=NAME,
                  configuration=self.configuration("require", **{key: path}))
        assert refused(run, path)


def test_a_password_file_that_is_named_and_not_there(primary):
    """By trust it is not needed today; nobody may find out on the day of a failover."""
    path = missing()
    run = ask("checkpgprimary", primary, configuration=f"passfile = {path}\n")
    assert refused(run, "passfile", path)


def test_a_password_file_named_by_a_variable(primary):
    path = missing()
    configuration = scratch.directory("configuration") / "checkpg.conf"
    configuration.write_text("user = checkpg\n")
    run = run_check("checkpgprimary", primary.address, primary.port,
                    env={"PGPASSFILE": path, "CHECKPG_CONFIG": configuration})
    assert refused(run, "PGPASSFILE", "passfile", path)


def test_a_password_elsewhere_makes_no_password_file_necessary(primary):
    run = ask("checkpgprimary", primary, configuration=f"passfile = {missing()}\npassword = x\n")
    assert run.outcome == OK


# What libpq passes over


IDLE = {
    "a list without a root certificate": (
        "sslmode = require\nsslcrl = {crl}\n", ("sslcrl", "sslrootcert")),
    "a directory without a root certificate": (
        "sslmode = require\nsslcrldir = /etc\n", ("sslcrldir", "sslrootcert")),
    "our certificate without a key": (
        "sslmode = require\nsslcert = {root}\n", ("sslcert", "sslkey")),
    "a key without our certificate": (
        "sslmode = require\nsslkey = {root}\n", ("sslkey", "sslcert")),
    "to verify by nothing": ("sslmode = verify-full\n", ("sslmode", "sslrootcert")),
    "a root certificate, and nothing is said of TLS": (
        "sslrootcert = {root}\n", ("sslrootcert", "sslmode", "prefer")),
    "a root certificate that may be given up": (
        "sslmode = prefer\nsslrootcert = {root}\n", ("sslrootcert", "prefer")),
    "a root certificate for the second try only": (
        "sslmode = allow\nsslrootcert = {root}\n", ("sslrootcert", "allow")),
    "a list that may be given up": (
        "sslmode = prefer\nsslcrl = {crl}\n", ("sslcrl", "prefer")),
    "the owner of a socket, over TCP": ("requirepeer = postgres\n", ("requirepeer", "TCP")),
}


@pytest.mark.parametrize("lines, words", IDLE.values(), ids=IDLE)
def test_a_setting_that_would_not_count(server, authority, lines, words):
    run = ask("checkpgprimary", server, server=NAME, configuration=lines.format(
        root=authority.certificate, crl=authority.revocation_list()))
    assert refused(run, *words)


def test_the_owner_of_a_socket_counts_there(primary):
    owner = pwd.getpwuid(os.stat(primary.socket).st_uid).pw_name
    runs = {name: run_as_haproxy("checkpgprimary", primary.socket, "NOT_USED",
                                 configuration=f"requirepeer = {name}\n")
            for name in (owner, "nobody")}
    assert runs[owner].outcome == OK
    assert runs["nobody"].outcome == DENIED


# HOME


class TestHome:
    """What lies in a person's home is not configured: HAProxy has none, and both say the same."""

    @pytest.fixture(autouse=True)
    def home(self):
        self.home = scratch.directory("home")
        (self.home / ".postgresql").mkdir()

    def both(self, server, configuration=""):
        by_haproxy = ask("checkpgprimary", server, server=NAME, configuration=configuration)
        by_hand = run_check("checkpgprimary", server.address, server.port,
                            configuration=configuration, env={"HOME": self.home})
        preserved = ask("checkpgprimary", server, server=NAME, configuration=configuration,
                        env={"HOME": self.home})
        return by_haproxy.code, by_hand.code, preserved.code

    def test_a_root_certificate_there(self, server):
        shutil.copy(certificates.Authority("Stranger").certificate,
                    self.home / ".postgresql/root.crt")
        assert self.both(server, "sslmode = require\n") == (Code.OK,) * 3
        assert self.both(server, "sslmode = verify-full\n") == (Code.CONFIGURATION,) * 3

    def test_a_revocation_list_there(self, server, authority):
        authority.revoke(server.issued)
        shutil.copy(authority.revocation_list(), self.home / ".postgresql/root.crl")
        assert self.both(server, verified(authority)) == (Code.OK,) * 3

    def test_a_certificate_of_ours_there(self, server, authority):
        server.use_certificate(authority.issue("server", names=[NAME]), authority)
        server.authenticate("cert", connection="hostssl")
        ours = authority.issue("checkpg")
        shutil.copy(ours.certificate, self.home / ".postgresql/postgresql.crt")
        shutil.copy(ours.key, self.home / ".postgresql/postgresql.key")
        assert self.both(server) == (Code.ACCESS_DENIED,) * 3

    def test_a_key_there_that_anybody_may_read(self, server, authority):
        ours = authority.issue("checkpg")
        shutil.copy(ours.certificate, self.home / ".postgresql/postgresql.crt")
        (self.home / ".postgresql/postgresql.key").write_text("no key\n")
        assert self.both(server) == (Code.OK,) * 3

    def test_a_password_file_there(self, primary):
        primary.authenticate("scram-sha-256")
        primary.set_password("secret")
        (self.home / ".pgpass").write_text("*:*:*:*:secret\n")
        (self.home / ".pgpass").chmod(0o600)
        assert self.both(primary) == (Code.ACCESS_DENIED,) * 3


# Who is asked


class TestOneForAll:
    """A file that sends the checks of all servers to one: yes to whatever HAProxy names."""

    @pytest.mark.parametrize("section", ["", "[PostgresReadWrite-backend]\n"])
    @pytest.mark.parametrize("line", ["hostaddr = {address}", "hostaddr =", "host = {directory}",
                                      "host = @somewhere"])
    def test_in_haproxys_form(self, primary, section, line):
        line = line.format(address=primary.address, directory=primary.socket.parent)
        run = run_as_haproxy("checkpgprimary", "203.0.113.1", primary.port,
                             configuration=f"{section}{line}\n")
        assert refused(run, line.split()[0], "checkpg.conf:")

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "db1", "/tmp", ""])
    def test_a_host_for_a_unix_socket(self, primary, host):
        run = run_as_haproxy("checkpgprimary", "/nonexistent/.s.PGSQL.1", "NOT_USED",
                             configuration=f"host = {host}\nport = {primary.port}\n")
        assert refused(run, "host", "checkpg.conf:")

    def test_a_host_where_haproxy_gives_a_name(self, primary):
        run = run_as_haproxy("checkpgprimary", "db9.invalid", primary.port,
                             configuration="host = 127.0.0.1\n")
        assert refused(run, "host", "db9.invalid")

    def test_a_person_may(self, primary):
        for line in (f"hostaddr = {primary.address}", f"host = {primary.socket.parent}"):
            run = run_check("checkpgprimary",
                            configuration=f"{line}\nport = {primary.port}\n")
            assert run.code == Code.OK

    def test_the_other_backends_section_is_its_own(self, primary):
        run = ask("checkpgprimary", primary, configuration="[Other]\nhostaddr = 203.0.113.1\n")
        assert run.outcome == OK


def test_haproxys_port_may_be_0(primary):
    """As `server db1 192.0.2.11 check port 5432` makes it."""
    run = run_as_haproxy("checkpgprimary", primary.address, "0",
                         configuration=f"port = {primary.port}\n")
    assert run.outcome == OK
    run = run_as_haproxy("checkpgprimary", "127.0.0.1", "0", configuration="port = 1\n")
    assert run.outcome == (Code.UNREACHABLE, "")


# A server that talks a lot


DEBUG = {"client_min_messages": "debug5", "debug_print_parse": "on", "debug_print_rewritten": "on",
         "debug_print_plan": "on", "debug_pretty_print": "on", "log_statement": "all",
         "log_min_duration_statement": "0", "log_statement_stats": "on"}


@pytest.mark.parametrize("program, configuration", [
    ("checkpgprimary", ""), ("checkpgprimary", "require-writable = on\npeers = 127.0.0.1:1\n"),
    ("checkpgstandby", "require-streaming = on\nmax-replay-lag = 16MB\nmax-replay-delay = 10s\n")])
def test_a_server_that_shows_all_it_thinks(primary, standby, program, configuration):
    server = primary if program == "checkpgprimary" else standby
    server.set(**DEBUG)
    assert ask(program, server, configuration=configuration).outcome == OK


# How it ends


def hung(options, form="manual", prefix=()):
    """A check that waits inside one call of OpenSSL's."""
    configuration = "timeout = 300ms\n" + stages.settings_that_block()
    with hostile.StandIn(lambda connection: stages.encrypted(connection).hold()) as server:
        if form == "haproxy":
            return ask("checkpgprimary", server, server="db1", configuration=configuration)
        return run_check("checkpgprimary", *options, server.address, server.port,
                         configuration=configuration, prefix=prefix)


def test_by_haproxy_the_watchdog_is_silent():
    assert hung((), form="haproxy").outcome == (Code.TIMED_OUT, "")


@pytest.mark.parametrize("options", [(), ("-v",)])
def test_by_hand_the_watchdog_says_so(options):
    run = hung(options)
    assert (run.code, run.stderr) == (Code.TIMED_OUT, "")
    assert "watchdog" in run.stdout and run.stdout.count("\n") == 1


def test_the_watchdogs_last_word_is_json_where_that_was_asked_for():
    run = hung(("--json",))
    assert (run.code, run.stderr) == (Code.TIMED_OUT, "")
    told = json.loads(run.stdout)
    assert (told["exit_code"], told["meaning"]) == (Code.TIMED_OUT, "timed out")
    assert "watchdog" in told["reason"]


def test_with_quiet_the_watchdog_is_silent():
    assert hung(("-q",)).outcome == (Code.TIMED_OUT, "")


def test_the_watchdog_needs_nobody_who_listens():
    """As in `checkpgprimary db1 | head -0`: it is the code that counts."""
    unheard = ["/usr/bin/python3", "-c", "import os, sys; r, w = os.pipe(); os.close(r); "
               "os.dup2(w, 1); os.execv(sys.argv[1], sys.argv[1:])"]
    assert hung((), prefix=unheard).code == Code.TIMED_OUT


def test_no_core_is_left():
    """It would have the password in it."""
    if is_instrumented():
        pytest.skip("the address sanitizer looks for leaks as a debugger would")
    directory = scratch.directory("cores")
    directory.chmod(0o777)
    with hostile.StandIn(hostile.silent) as server:
        process = subprocess.Popen(
            ["/usr/bin/prlimit", "--core=unlimited:unlimited", "--",
             public_copy("checkpgprimary"), server.address, str(server.port)], cwd=directory,
            env={"CHECKPG_CONFIG": str(write_configuration("timeout = 30s\n"))},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_for(lambda: server.connections, "the check to connect")
        process.send_signal(signal.SIGABRT)
        _, status = os.waitpid(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert os.WTERMSIG(status) == signal.SIGABRT
    assert not os.WCOREDUMP(status)
    assert os.listdir(directory) == []


# Messages


def test_a_message_is_short_whatever_it_quotes():
    for line in (f"timeout = {'x' * 500_000}", f"{'y' * 500_000} = 1", "z" * 500_000,
                 f"host = a,{'b' * 500_000}", f"[{'s' * 500_000}"):
        run = run_as_haproxy("checkpgprimary", "127.0.0.1", 1, configuration=line + "\n")
        assert refused(run) and len(run.stderr) < 600
    run = run_check("checkpgprimary", "--timeout", "x" * 100_000, "127.0.0.1")
    assert run.code == Code.USAGE and len(run.stderr) < 600
