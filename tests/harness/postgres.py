"""A throw-away PostgreSQL server, primary or standby.

    with Server("db1").create() as primary, Server("db2").create_standby(of=primary) as standby:
        primary.sql("CREATE TABLE t ()")
        standby.wait_for_replay()
        primary.stop()
        standby.promote()

Each has its own directory, its own port on 127.0.0.1 (and ::1) and its own directory for its UNIX
socket. As root, it runs as the system's `postgres` user. The role `checkpg`, which may log in and
nothing else, is there from the start; `postgres` is the superuser, reachable only through the
UNIX socket by the user who runs the tests.
"""

import getpass
import os
import pwd
import re
import shutil
import signal
import subprocess
from pathlib import Path

from . import ports, scratch
from .processes import descendants, remove_shared_memory, started
from .waiting import PATIENCE, wait_for

#: The checks' role, and the one its passwords are set for.
ROLE = "checkpg"

_COMMAND_SECONDS = 60

#: What every server of the harness has: quick, quiet on disk, talkative in its log.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "16MB",
    # Not in /dev/shm, where a killed server would leave them behind.
    "dynamic_shared_memory_type": "mmap",
    "max_connections": "30",
    "wal_level": "replica",
    "max_wal_senders": "10",
    "hot_standby": "on",
    # A walreceiver that lost its primary asks for it again at once.
    "wal_retrieve_retry_interval": "100ms",
    "lc_messages": "C",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_min_messages": "info",
}

_template = None


def bin_directory():
    """Where PostgreSQL's programs are: the newest version, or $CHECKPG_TEST_POSTGRES_BIN."""
    if chosen := os.environ.get("CHECKPG_TEST_POSTGRES_BIN"):
        return Path(chosen)
    found = [path.parent for pattern in ("lib/postgresql/*/bin/postgres", "pgsql-*/bin/postgres")
             for path in Path("/usr").glob(pattern)]
    if not found:
        raise RuntimeError("no PostgreSQL server found: install postgresql (Debian) or "
                           "postgresql-server (Red Hat family)")
    return max(found, key=lambda path: [int(n) for n in re.findall(r"\d+", str(path))])


def psql(conninfo, query, *, password=None, timeout=_COMMAND_SECONDS):
    """Runs `query` with the real psql and returns what it prints, columns separated by `|`.

    `conninfo` is a libpq connection string. Nothing of the caller's environment has an influence.
    Raises subprocess.CalledProcessError with psql's message in `stderr`.
    """
    environment = {"PATH": os.defpath, "PGPASSFILE": "/nonexistent", "HOME": "/nonexistent",
                   "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C"}
    if password is not None:
        environment["PGPASSWORD"] = password
    command = [bin_directory() / "psql", "-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1",
               "-d", conninfo, "-c", query]
    done = subprocess.run(command, env=environment, cwd="/", stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout * PATIENCE)
    if done.returncode:
        error = subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        error.add_note(done.stderr.strip())
        raise error
    return done.stdout.rstrip("\n")


class Server:
    """One PostgreSQL server. close() (or `with`) ends it and removes its files."""

    def __init__(self, name, *, settings=None, hba=None, bin=None):
        """Chooses directory and port; create() or create_standby() does the rest.

        `settings` are lines of postgresql.conf as a dict, `hba` pg_hba.conf lines for set_hba();
        without them the checks' role gets in by trust. `bin` is another version's program
        directory.
        """
        self.name = name
        self.bin = Path(bin) if bin else bin_directory()
        self.port = ports.free_port()
        self.address = "127.0.0.1"
        self.directory = scratch.directory(name)
        self.data = self.directory / "data"
        self.socket_directory = self.directory / "socket"
        self.log_file = self.directory / "postgresql.log"
        self._settings = {**_SETTINGS, **_version_settings(self.version), **(settings or {})}
        self._hba = hba
        self._process = None
        self._primary = None
        self.socket_directory.mkdir(mode=0o755)
        _give_to_postgres(self.directory, self.socket_directory)
        self.log_file.touch()
        scratch.at_end(self.close)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def __repr__(self):
        return f"<{self.name} on port {self.port}>"

    # Life

    def create(self, *, own_identity=False, start=True):
        """Makes a new cluster and starts it. Returns self.

        Servers made this way share one system identifier, as copies of one template do, unless
        `own_identity` asks for a cluster of its own.
        """
        if own_identity:
            self._initdb(self.data)
        else:
            _copy(self._cached_template(), self.data)
        self._write_configuration()
        return self.start() if start else self

    def create_standby(self, of, *, start=True):
        """Makes a streaming standby of the running server `of` and starts it. Returns self.

        A server that was something else before, and is stopped, becomes it anew: its data is lost.
        """
        assert not self.is_running(), f"{self} must be stopped to be made anew"
        if self.data.exists():
            shutil.rmtree(self.data)
        self._primary = of
        self._run("pg_basebackup", "-D", self.data, "-d", of._superuser(),
                  "-X", "stream", "-c", "fast", "--no-sync")
        self._write("standby.signal", "")
        self._settings["primary_conninfo"] = of._superuser(application=self.name)
        self._write_configuration()
        return self.start() if start else self

    def start(self, *, wait=True):
        """Starts the server and waits until it takes connections. Returns self.

        `wait=False` doesn't wait: for servers that are meant to be stuck in their start.
        """
        assert not self.is_running(), f"{self} runs already"
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [self.bin / "postgres", "-D", self.data], cwd="/", stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True, env=_clean_environment(),
                **as_postgres())
        scratch.watch(self._process.pid, signal.SIGQUIT)
        if wait:
            wait_for(self._ready, f"{self} to take connections; its log: {self.log_file}", 60)
        return self

    def stop(self, mode="fast", *, wait=True):
        """Stops the server: "smart", "fast" or "immediate", as pg_ctl does it.

        `wait=False` returns as soon as the server is told: for those that are meant to hang in
        their shutdown.
        """
        if not self.is_running():
            return
        self.thaw()
        number = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode]
        self._process.send_signal(number)
        if wait:
            self._wait_for_end(f"{self} to stop ({mode}); its log: {self.log_file}")

    def restart(self, mode="fast"):
        """Stops and starts the server."""
        self.stop(mode)
        return self.start()

    def promote(self):
        """Makes a standby the primary and waits until it is."""
        self._sql_must_be("SELECT pg_promote(true, 60)", "t")
        self._primary = None

    def follow(self, primary):
        """Makes this standby stream from another server. Starts it if it's down. Returns self."""
        self._primary = primary
        self.set(primary_conninfo=primary._superuser(application=self.name))
        return self if self.is_running() else self.start()

    def rewind(self, to):
        """Makes this stopped server, which was the primary, a standby of `to`, which was promoted
        meanwhile: by pg_rewind(1). Starts it. Returns self.

        Both have wal_log_hints and full_page_writes on.
        """
        self._run("pg_rewind", "-D", self.data, "--source-server", to._superuser(), "--no-sync")
        self._write("standby.signal", "")
        self._write_configuration()  # that of the other one came with its files
        return self.follow(to)

    def freeze(self):
        """Stops the server's processes as if the machine hung: connections are still accepted by
        the kernel, and nobody answers."""
        frozen = set()
        while family := set(self.processes()) - frozen:  # until none was forked in between
            for pid in family:
                _signal(pid, signal.SIGSTOP)
            frozen |= family

    def thaw(self):
        """Lets a frozen server go on. Harmless for one that isn't frozen."""
        for pid in self.processes():
            _signal(pid, signal.SIGCONT)

    def close(self):
        """Ends the server for good and removes its files. Harmless when called again."""
        scratch.forget(self.close)
        try:
            self.stop("immediate")
        except Exception:
            self.kill()
        remove_shared_memory(self.data / "postmaster.pid")
        if not scratch.KEEP:
            shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self):
        """Kills the server's processes as a power cut would."""
        if not self.is_running():
            return
        family = self.processes()
        for pid in family:
            _signal(pid, signal.SIGKILL)
        self._wait_for_end(f"the end of killed {self}")
        wait_for(lambda: not any(started(pid) for pid in family), f"the end of all of {self}")

    def is_running(self):
        """Whether the server process exists (it may be starting, stopping or frozen)."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self):
        """The server's main process."""
        return self._process.pid

    def processes(self):
        """The process numbers of the server, the main process first. Empty if it's down."""
        return [self.pid, *descendants(self.pid)] if self.is_running() else []

    # Questions

    @property
    def version(self):
        """The major version, e.g. 15."""
        text = subprocess.run([self.bin / "postgres", "-V"], capture_output=True, text=True,
                              check=True).stdout
        return int(re.search(r"(\d+)", text.partition(")")[2])[1])

    @property
    def socket(self):
        """The path of the server's UNIX socket."""
        return self.socket_directory / f".s.PGSQL.{self.port}"

    def sql(self, query, *, database="postgres"):
        """Runs `query` as superuser through the UNIX socket; see psql()."""
        return psql(self._superuser(database), query)

    def is_in_recovery(self):
        """Whether the server is a standby."""
        return self.sql("SELECT pg_is_in_recovery()") == "t"

    def status(self):
        """What pg_isready says: "accepting connections", "rejecting connections", ..."""
        said = subprocess.run([self.bin / "pg_isready", "-h", self.socket_directory,
                               "-p", str(self.port), "-t", "5"], env=_clean_environment(),
                              capture_output=True, text=True).stdout
        return said.strip().rpartition(" - ")[2]

    def control_data(self):
        """What pg_controldata says; the server may be down."""
        return self._run("pg_controldata", "-D", self.data)

    def wait_for_standbys(self, count):
        """Waits until `count` standbys stream from this server."""
        wait_for(lambda: self.sql("SELECT count(*) FROM pg_stat_replication "
                                  "WHERE state = 'streaming'") == str(count),
                 f"{count} standbys streaming from {self}")

    def all_written(self):
        """Has all WAL of this primary written, and returns where it ends."""
        # A commit may only have been promised. One that waits is that of a transaction that wrote
        # something before its commit (RecordTransactionCommit in xact.c).
        self.sql("SET synchronous_commit = on; SELECT pg_logical_emit_message(true, 'written', '')")
        return self.sql("SELECT pg_current_wal_lsn()")

    def wait_for_replay(self, of=None):
        """Waits until this standby has replayed all that its primary (or `of`) has written."""
        target = (of or self._primary).all_written()
        wait_for(lambda: self.sql(f"SELECT pg_last_wal_replay_lsn() >= '{target}'") == "t",
                 f"{self} to replay up to {target}")

    def log(self, since=0):
        """The server's log from position `since` (a log_position())."""
        with self.log_file.open("rb") as log:
            log.seek(since)
            return log.read().decode(errors="replace")

    def log_position(self):
        """Where the log ends now."""
        return self.log_file.stat().st_size

    def session(self, database="postgres"):
        """Opens a superuser's session and holds it: a Session, which close() (or `with`) ends."""
        return Session(self._superuser(database))

    # Configuration

    def set(self, **settings):
        """Changes settings (None removes one) and reloads if the server runs.

        Those that need it take effect at the next restart().
        """
        for name, value in settings.items():
            if value is None:
                self._settings.pop(name, None)
            else:
                self._settings[name] = value
        self._write_configuration()
        self.reload()

    def set_hba(self, *lines):
        """Replaces the pg_hba.conf lines for everybody but the superuser and reloads.

        None at all means nobody gets in: "no pg_hba.conf entry".
        """
        self._hba = lines
        self._write_configuration()
        self.reload()

    def authenticate(self, method, *, options="", connection="host", role=ROLE, database="all"):
        """Lets `role` in from loopback and through the UNIX socket by `method`, and reloads.

        `method` is pg_hba.conf's: trust, scram-sha-256, md5, password, cert, gss, reject.
        `connection` is host, hostssl or hostnossl.
        """
        self.set_hba(*hba_lines(method, options=options, connection=connection, role=role,
                                database=database))

    def set_password(self, password, *, encryption="scram-sha-256", role=ROLE):
        """Gives `role` a password, stored as "scram-sha-256" or "md5". None takes it away."""
        quoted = "NULL" if password is None else "'" + password.replace("'", "''") + "'"
        self.sql(f"SET password_encryption = '{encryption}'; ALTER ROLE {role} PASSWORD {quoted}")

    def use_certificate(self, certificate, client_authority=None):
        """Turns TLS on with a certificates.Certificate, and reloads. None turns it off.

        With `client_authority`, a certificates.Authority, clients may identify themselves by
        certificates it signed.
        """
        self._settings.pop("ssl_ca_file", None)
        self._settings["ssl"] = "on" if certificate else "off"
        if certificate:
            self._settings["ssl_cert_file"] = self._install(certificate.certificate, "server.crt")
            self._settings["ssl_key_file"] = self._install(certificate.key, "server.key")
        if client_authority:
            self._settings["ssl_ca_file"] = self._install(client_authority.certificate, "ca.crt")
        self._write_configuration()
        self.reload()

    def configuration(self):
        """What set(), set_hba() and the like have made of it, for restore()."""
        return dict(self._settings), self._hba

    def restore(self, configuration):
        """Goes back to an earlier configuration()."""
        if configuration != self.configuration():
            self._settings, self._hba = dict(configuration[0]), configuration[1]
            self._write_configuration()
            self.reload()

    def reload(self):
        """Makes a running server read its configuration and waits until new sessions see it."""
        if not self.is_running():
            return
        wrong = self.sql("SELECT line_number, error FROM pg_hba_file_rules WHERE error IS NOT NULL")
        assert not wrong, f"pg_hba.conf: {wrong}"
        before = self.sql("SELECT pg_conf_load_time()")
        self._process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.sql("SELECT pg_conf_load_time()") != before, f"{self} to reload")

    # Inside

    def _superuser(self, database="postgres", application="harness"):
        return (f"host={self.socket_directory} port={self.port} user=postgres dbname={database} "
                f"application_name={application}")

    def _sql_must_be(self, query, wanted):
        answer = self.sql(query)
        assert answer == wanted, f"{query}: {answer}, not {wanted}; {self}'s log: {self.log_file}"

    def _ready(self):
        if not self.is_running():
            raise RuntimeError(f"{self} ended at its start:\n{self.log()[-2000:]}")
        return self.status() == "accepting connections"

    def _wait_for_end(self, what):
        wait_for(lambda: self._process.poll() is not None, what, 60)
        scratch.unwatch(self._process.pid)

    def _install(self, source, name):
        target = self.data / name
        shutil.copyfile(source, target)
        target.chmod(0o600)
        _give_to_postgres(target)
        return str(target)

    def _write_configuration(self):
        settings = {"port": self.port, "listen_addresses": _listen_addresses(),
                    "unix_socket_directories": self.socket_directory,
                    "cluster_name": self.name, **self._settings}
        self._write("postgresql.conf", "".join(
            f"{name} = '{str(value).replace(chr(39), chr(39) * 2)}'\n"
            for name, value in settings.items()))
        hba = hba_lines("trust") if self._hba is None else self._hba
        administration = ("local all postgres peer map=harness",
                          "local replication postgres peer map=harness")
        self._write("pg_hba.conf", "".join(f"{line}\n" for line in (*administration, *hba)))
        users = dict.fromkeys((getpass.getuser(), _server_user()))
        self._write("pg_ident.conf", "".join(f"harness {user} postgres\n" for user in users))

    def _write(self, name, text):
        path = self.data / name
        path.write_text(text)
        _give_to_postgres(path)

    def _cached_template(self):
        global _template
        if _template is None or _template.name != f"template-{self.version}":
            path = scratch.directory("template") / f"template-{self.version}"
            _give_to_postgres(path.parent)
            self._initdb(path)
            _template = path
        return _template

    def _initdb(self, data):
        self._run("initdb", "-D", data, "-U", "postgres", "--no-sync", "--locale=C",
                  "--encoding=UTF8", "--auth=reject", "--wal-segsize=1")
        self._run("postgres", "--single", "-D", data, "postgres",
                  input=f"CREATE ROLE {ROLE} LOGIN;\n")

    def _run(self, program, *arguments, input=None):
        done = subprocess.run([self.bin / program, *arguments], cwd="/", text=True,
                              input=input or "", capture_output=True, env=_clean_environment(),
                              timeout=_COMMAND_SECONDS * PATIENCE, **as_postgres())
        if done.returncode:
            raise RuntimeError(f"{program} failed for {self}: {done.stdout}{done.stderr}")
        return done.stdout


class Session:
    """An open session, held by a psql that waits for input."""

    def __init__(self, conninfo, *, password=None):
        environment = _clean_environment()
        if password is not None:
            environment["PGPASSWORD"] = password
        self._psql = subprocess.Popen(
            [bin_directory() / "psql", "-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1",
             "-d", conninfo],
            cwd="/", env=environment, text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        scratch.watch(self._psql.pid)
        try:
            self.sql("SELECT 1")
        except Exception:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def sql(self, query):
        """Runs a query that returns one line, in this session. An error ends the session."""
        self._psql.stdin.write(query + ";\n")
        self._psql.stdin.flush()
        line = self._psql.stdout.readline()
        if not line:
            raise RuntimeError(f"session ended: {self._psql.stderr.read()}")
        return line.rstrip("\n")

    def close(self):
        """Ends the session. Harmless when called again."""
        if self._psql.stdin.closed:
            return
        try:
            self._psql.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self._psql.wait(timeout=10 * PATIENCE)
        except subprocess.TimeoutExpired:  # its server is frozen
            self._psql.kill()
            self._psql.wait()
        self._psql.stdout.close()
        self._psql.stderr.close()
        scratch.unwatch(self._psql.pid)


def hba_lines(method, *, options="", connection="host", role=ROLE, database="all"):
    """pg_hba.conf lines that let `role` in by `method`; see Server.authenticate()."""
    rule = f"{method} {options}".rstrip()
    over_tcp = [f"{connection} {database} {role} {address} {rule}"
                for address in ("127.0.0.0/8", "::1/128")]
    # These two exist for TCP only.
    return over_tcp if method in ("cert", "gss") else [f"local {database} {role} {rule}", *over_tcp]


def _version_settings(version):
    return {**({"wal_keep_size": "64MB"} if version >= 13 else {"wal_keep_segments": "64"}),
            **({"summarize_wal": "off"} if version >= 17 else {})}


def _listen_addresses():
    return "127.0.0.1, ::1" if ports.has_ipv6() else "127.0.0.1"


def _server_user():
    return "postgres" if os.geteuid() == 0 else getpass.getuser()


def as_postgres():
    """Arguments for subprocess: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        raise RuntimeError("PostgreSQL doesn't run as root and there is no user `postgres`: "
                           "install the postgresql package") from None
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _give_to_postgres(*paths):
    if os.geteuid() == 0:
        for path in paths:
            shutil.chown(path, "postgres", pwd.getpwnam("postgres").pw_gid)


def _clean_environment():
    return {"PATH": os.defpath, "LC_ALL": "C", "HOME": "/nonexistent", "TZ": "UTC"}


def _copy(source, target):
    subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True)


def _signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
