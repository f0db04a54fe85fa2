"""A throw-away HAProxy with both backends over given servers.

    with HAProxy([primary, standby], mode="daemon") as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2"])
        proxy.query(READ_WRITE, "SELECT pg_is_in_recovery()")

The backends are named as in production and use `option external-check` with copies of our
executables. As root HAProxy is started as root and changes to the system's `haproxy` user, as a
packaged one does.
"""

import csv
import grp
import io
import os
import pwd
import shutil
import signal
import socket
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from . import abilities, checks, keepers, ports, scratch
from .postgres import ROLE, Session, psql
from .processes import catches, descendants, started
from .waiting import PATIENCE, wait_for

#: The names a site's configuration and checkpg.conf's sections use.
READ_WRITE = "PostgresReadWrite"
READ_ONLY = "PostgresReadOnly"
PROGRAM_OF = {READ_WRITE: "checkpgprimary", READ_ONLY: "checkpgstandby"}

#: HAProxy(pid_one=True): unshare(1)'s options.
PROCESS_NAMESPACE = ("--pid", "--fork", "--mount-proc", "--kill-child")

#: What a check that has run leaves in check_status.
CHECKED = ("PROCOK", "PROCERR", "PROCTOUT")


@dataclass(frozen=True)
class Target:
    """A server line: any address, e.g. one nobody listens on. `unix@/path` has no port."""
    name: str
    address: str
    port: int | None

    @property
    def haproxy_address(self):
        if self.port is None:
            return self.address
        return f"{self.address}:{self.port}"


def target(server):
    """A Target for a postgres.Server, or the Target itself."""
    if isinstance(server, Target):
        return server
    return Target(server.name, server.address, server.port)


def executable():
    """The haproxy program: in sbin, which need not be on PATH, or $CHECKPG_TEST_HAPROXY."""
    found = os.environ.get("CHECKPG_TEST_HAPROXY") or shutil.which(
        "haproxy", path=f"/usr/local/sbin:/usr/sbin:{os.environ.get('PATH', os.defpath)}")
    if not found:
        raise RuntimeError("haproxy was not found: install the haproxy package")
    return found


def require_private_etc():
    """HAProxy(files=...) without chroot."""
    abilities.require_private_mounts("giving HAProxy an /etc/checkpg of its own")
    empty = scratch.directory("etc")
    if subprocess.run([*with_private_etc(empty, empty), "true"], capture_output=True).returncode:
        abilities.cannot("giving HAProxy an /etc/checkpg of its own needs overlay mounts")


class HAProxy:
    """One HAProxy. start() and close(), or `with`, which does both."""

    def __init__(self, servers, *, mode="foreground", chroot=False, files=None, programs=None,
                 interval=0.5, server_options="rise 1 fall 1",
                 default_options="on-marked-down shutdown-sessions", global_lines=(),
                 backend_lines=(), user="haproxy", pid_one=False):
        """Writes and checks the configuration.

        `servers`           postgres.Server or Target, in both backends
        `mode`              "foreground" (-db), "daemon" (-D: descriptors 0-2 of checks are
                            closed) or "master-worker" (-W)
        `chroot`            runs in a jail that holds nothing but the executables and `files`
        `files`             contents of /etc/checkpg as the checks see it, by name, e.g.
                            {"checkpg.conf": "timeout = 400ms\\n", "pgpass": "..."}; without
                            chroot in a mount namespace of HAProxy's own (the machine's /etc
                            stays as it is); readable by HAProxy's user only
        `programs`          executables by backend, as in PROGRAM_OF; a name means ours, a path
                            any other, also one that doesn't exist
        `interval`          `inter`, which is also the time a check may take: seconds, which
                            PATIENCE multiplies, or a text with a unit, which stays as it is
        `global_lines`, `backend_lines`  more lines for these sections
        `user`              whom HAProxy changes to as root
        `pid_one`           as in a container HAProxy is process 1, which inherits every orphan
        """
        self.mode = mode
        self.servers = [target(server) for server in servers]
        self.directory = scratch.directory("haproxy")
        self.ports = {READ_WRITE: ports.free_port(), READ_ONLY: ports.free_port()}
        self.configuration_file = self.directory / "haproxy.cfg"
        self.output_file = self.directory / "output"
        self.root = self.directory / "jail" if chroot else Path("/")
        self.socket = (self.root if chroot else self.directory) / "stats"
        self._chroot = chroot
        self._files = files
        self._user = user
        self._pid_one = pid_one
        self._process = None
        self._pid = None
        self._retired = []
        self._log = _LogCollector()
        if chroot:
            assert os.geteuid() == 0, "chroot needs root"
            self.root.mkdir(mode=0o755)
        commands = {name: self._install(program)
                    for name, program in {**PROGRAM_OF, **(programs or {})}.items()}
        self._install_files()
        self.configuration_file.write_text(self._configuration(
            commands, interval, server_options, default_options, global_lines, backend_lines))
        self._check_configuration()
        scratch.at_end(self.close)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_exception):
        self.close()

    # Life

    def start(self):
        """Starts HAProxy and waits until it answers on its stats socket. Returns self."""
        assert self._pid is None, "it runs already"
        self._launch()
        wait_for(self._answers, f"HAProxy to start; its output: {self.output_file}")
        if self._pid_one:  # what has no handler for a signal yet never hears of it
            last = signal.SIGUSR2 if self.mode == "master-worker" else signal.SIGUSR1
            wait_for(lambda: catches(self._pid, last), "process 1 to listen to signals")
        return self

    def stop(self):
        """Stops HAProxy and waits until it and the checks it had started are gone."""
        for pid in [*self._retired, *([self._pid] if self._pid else [])]:
            self._end(pid)
        self._pid, self._retired = None, []
        if self._process is not None:
            self._process.wait()
            self._process = None
        # A check that was forked as HAProxy was told to end has its sockets until it becomes the program.
        wait_for(lambda: not self._listens(), "nobody to have its stats socket any more")

    def reload(self, wait_for_old=True):
        """Makes HAProxy read its configuration again, as a service manager does, and waits until
        the new process answers and the old one is gone, or only does not listen any more."""
        before = self.show_info()["Pid"]
        if self.mode == "master-worker":
            os.kill(self._pid, signal.SIGUSR2)
        else:
            self._retired.append(self._pid)
            retired, self._process = self._process, None
            self._launch("-sf", before, "-x", str(self.socket))
            if retired is not None:
                wait_for(lambda: retired.poll() is not None, "the old HAProxy to end")
        wait_for(lambda: self._answers() and self.show_info()["Pid"] != before,
                 f"HAProxy to reload; its output: {self.output_file}")
        if not wait_for_old:
            return
        wait_for(lambda: not started(int(before)), "the old HAProxy to end")
        for pid in self._retired:
            scratch.unwatch(pid)
        self._retired = []

    def close(self):
        """Ends HAProxy for good and removes its files. Harmless when called again."""
        scratch.forget(self.close)
        self.stop()
        self._log.close()
        if not scratch.KEEP:
            shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def socket_of_checks(self):
        """The stats socket's path as the checks see it: in a jail they look there."""
        return f"/{self.socket.name}" if self._chroot else str(self.socket)

    @property
    def pid(self):
        """The process number: of the master in master-worker mode."""
        return self._pid

    # Questions

    def command(self, line):
        """Sends a command to the stats socket and returns the answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5 * PATIENCE)
            connection.connect(str(self.socket))
            connection.sendall(line.encode() + b"\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        return answer.decode()

    def show_info(self):
        """`show info` as a dict."""
        lines = (line.partition(": ") for line in self.command("show info").splitlines())
        return {name: value for name, _, value in lines if name}

    def show_stat(self):
        """`show stat` as a list of dicts, the keys as in its header: pxname, svname, status, ...

        The "* " that marks a check in progress is taken off check_status.
        """
        rows = list(csv.DictReader(io.StringIO(self.command("show stat").removeprefix("# "))))
        for row in rows:
            row["check_status"] = row["check_status"].removeprefix("* ")
        return rows

    def states(self, backend):
        """The rows of show_stat() for the servers of READ_WRITE or READ_ONLY, by server name."""
        return {row["svname"]: row for row in self.show_stat()
                if row["pxname"] == f"{backend}-backend" and row["svname"] != "BACKEND"}

    def results(self, backend):
        """For each server: (status, check_status, check_code), e.g. ("DOWN", "PROCERR", 1).

        check_code is None as long as there is none.
        """
        return {name: (row["status"].split()[0], row["check_status"],
                       int(row["check_code"]) if row["check_code"] else None)
                for name, row in self.states(backend).items()}

    def routes(self, backend):
        """The names of the servers a backend sends traffic to now."""
        return [name for name, row in self.states(backend).items()
                if row["status"].startswith(("UP", "no check"))]

    def wait_until_checked(self, timeout=15):
        """Waits until every server in both backends has been checked."""
        wait_for(lambda: all(row["check_status"] in CHECKED for backend in PROGRAM_OF
                             for row in self.states(backend).values()),
                 f"HAProxy to check every server; its output: {self.output_file}", timeout)

    def wait_for_routes(self, *, readwrite, readonly, timeout=15):
        """Waits until the backends route to exactly these servers, all of them checked."""
        self.wait_until_checked(timeout)
        wanted = (set(readwrite), set(readonly))
        wait_for(lambda: (set(self.routes(READ_WRITE)), set(self.routes(READ_ONLY))) == wanted,
                 f"routes {wanted}", timeout)

    def wait_for_results(self, backend, wanted, timeout=15):
        """Waits until results() of a backend are exactly `wanted`, else says what they are."""
        try:
            wait_for(lambda: self.results(backend) == wanted, f"{backend}: {wanted}", timeout)
        except Exception as error:
            error.add_note(f"last results: {self.results(backend)}")
            raise

    def query(self, frontend, query, *, user=ROLE, password=None, database="postgres"):
        """Runs a query through a frontend, READ_WRITE or READ_ONLY; see postgres.psql()."""
        return psql(self._conninfo(frontend, user, database), query, password=password)

    def session(self, frontend, *, user=ROLE, password=None, database="postgres"):
        """Opens a session through a frontend and holds it: a postgres.Session."""
        return Session(self._conninfo(frontend, user, database), password=password)

    def log(self):
        """The lines HAProxy has sent to its log so far."""
        return self._log.lines()

    def output(self):
        """What HAProxy, and anything that inherited its descriptors, wrote to stdout or stderr."""
        return self.output_file.read_text(errors="replace")

    # Inside

    def _conninfo(self, frontend, user, database):
        return (f"host=127.0.0.1 port={self.ports[frontend]} user={user} dbname={database} "
                "sslmode=disable")

    def _install(self, program):
        """Copies an executable to where HAProxy's user can run it; returns its path for HAProxy."""
        if "/" in program:
            return program
        if self._chroot:
            checks.public_copy(program, self.root)
            return f"/{program}"
        return str(checks.public_copy(program, self.directory))

    def _install_files(self):
        if self._files is None:
            return
        self.etc = self.root / "etc/checkpg" if self._chroot else self.directory / "etc"
        self.etc.mkdir(parents=True, mode=0o755)
        for name, text in self._files.items():
            self.write_file(name, text)

    def write_file(self, name, text):
        """Replaces one of `files`."""
        path = self.etc / name
        path.write_text(text)
        path.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(path, *_user_and_group(self._user))

    def _configuration(self, commands, interval, server_options, default_options, global_lines,
                       backend_lines):
        lines = ["global",
                 f"    log 127.0.0.1:{self._log.port} local0",
                 f"    stats socket {self.socket} {_owner(self._user)}mode 600 level admin "
                 "expose-fd listeners",
                 "    external-check",
                 "    insecure-fork-wanted",
                 "    maxconn 200",
                 "    hard-stop-after 1s"]
        if os.geteuid() == 0:
            lines += ["    user {}".format(_user_and_group(self._user)[0]),
                      "    group {}".format(_user_and_group(self._user)[1])]
        if self._chroot:
            lines += [f"    chroot {self.root}"]
        lines += [f"    {line}" for line in global_lines]
        lines += ["", "defaults", "    log global", "    mode tcp", "    timeout connect 2s",
                  "    timeout client 30s", "    timeout server 30s", "    retries 0"]
        for name, port in self.ports.items():
            lines += ["", f"frontend {name}-frontend", f"    bind 127.0.0.1:{port}",
                      f"    default_backend {name}-backend"]
        for name, command in commands.items():
            lines += ["", f"backend {name}-backend", "    balance roundrobin",
                      "    option external-check", f"    external-check command {command}"]
            lines += [f"    {line}" for line in backend_lines]
            lines += [f"    default-server inter {_duration(interval)} {server_options} "
                      f"{default_options}"]
            lines += [f"    server {server.name} {server.haproxy_address} check"
                      for server in self.servers]
        return "\n".join(lines) + "\n"

    def _check_configuration(self):
        done = subprocess.run([executable(), "-c", "-f", self.configuration_file],
                              capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"HAProxy refuses its configuration: {done.stdout}{done.stderr}")

    def _launch(self, *arguments):
        mode = {"foreground": ["-db"], "daemon": ["-D", "-p", str(self.directory / "pid")],
                "master-worker": ["-W"]}[self.mode]
        command = [executable(), *mode, "-f", str(self.configuration_file), *arguments]
        if self._files is not None and not self._chroot:
            mount_point = self.directory / "etc-overlay"
            command = [*with_private_etc(mount_point, self.etc), *command]
        if self._pid_one:
            command = ["/usr/bin/unshare", *PROCESS_NAMESPACE, "/usr/bin/setsid", *command]
        with self.output_file.open("ab") as output:
            process = subprocess.Popen(command, cwd="/", stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=output, start_new_session=True)
        if self.mode == "daemon":
            if process.wait(timeout=10 * PATIENCE):
                raise RuntimeError(f"HAProxy failed to start: {self.output()}")
            self._pid = int((self.directory / "pid").read_text().split()[0])
        else:
            self._process, self._pid = process, process.pid
            if self._pid_one:
                self._pid = wait_for(lambda: descendants(process.pid), "process 1 to start")[0]
        scratch.watch(self._pid)

    def _answers(self):
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"HAProxy ended at its start: {self.output()}")
        try:
            return self.show_info().get("Pid")
        except OSError:
            return None

    def _listens(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            try:
                connection.connect(str(self.socket))
            except (ConnectionRefusedError, FileNotFoundError):
                return False
            return True

    def _end(self, pid):
        family = {member: started(member) for member in [pid, *descendants(pid)]}
        # Process 1 has no handler for SIGTERM, unless it is a master.
        _signal(pid, signal.SIGUSR1 if self._pid_one else signal.SIGTERM)

        def gone():
            if self._process is not None:
                self._process.poll()
            return not any(start and started(member) == start and not keepers.is_one(member)
                           for member, start in family.items())
        try:
            # The checks HAProxy leaves behind end by their own deadline; what these leave stays.
            wait_for(gone, f"HAProxy {pid} and its checks to end", 10)
        except Exception:
            for member, start in family.items():
                if start and started(member) == start:
                    _signal(member, signal.SIGKILL)
            raise
        finally:
            scratch.unwatch(pid)


class _LogCollector:
    """Receives HAProxy's log over UDP: the one way that works from inside a chroot."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._lines = []
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def lines(self):
        return list(self._lines)

    def close(self):
        if self._thread.is_alive():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
                waker.sendto(b"", ("127.0.0.1", self.port))
            self._thread.join()
            self._socket.close()

    def _receive(self):
        while message := self._socket.recv(65536):
            self._lines.append(message.decode(errors="replace").partition("]: ")[2].rstrip())


def with_private_etc(mount_point, directory):
    """A command prefix: what follows sees `directory` as /etc/checkpg, and nobody else does."""
    # Where /etc/checkpg doesn't exist, a layer over /etc has it; the machine's own stays as it is.
    (mount_point / "checkpg").mkdir(parents=True, exist_ok=True)
    return abilities.with_private_mounts(
        '[ -d /etc/checkpg ] || mount -t overlay overlay -o "lowerdir=$1:/etc" /etc || exit; '
        'mount --bind "$2" /etc/checkpg || exit; shift 2', mount_point, directory)


def _duration(interval):
    return interval if isinstance(interval, str) else f"{round(interval * 1000 * PATIENCE)}ms"


def _user_and_group(name):
    """The haproxy package brings its own."""
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise RuntimeError(f"there is no user `{name}`: install the haproxy package") from None
    return user.pw_name, grp.getgrgid(user.pw_gid).gr_name


def _owner(user):
    """Lets the checks use the stats socket: they run as HAProxy's user."""
    return "user {} group {} ".format(*_user_and_group(user)) if os.geteuid() == 0 else ""


def _signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
