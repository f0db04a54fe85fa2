"""Our executables: where they are, and running one as HAProxy or as a person does."""

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from . import scratch
from .waiting import PATIENCE

REPOSITORY = Path(__file__).resolve().parents[2]

#: A check that still runs after this many seconds hangs.
_HANG_SECONDS = 30

#: What the sanitizers of the asan build need to know. Their own exit code must not be one of ours.
_SANITIZER_ENVIRONMENT = {name: f"exitcode=99:halt_on_error=1:{os.environ.get(name, '')}"
                          for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")}


class Code(IntEnum):
    """What a check says by its exit code: the published table."""
    OK = 0
    OTHER_ROLE = 1
    UNREACHABLE = 2
    TIMED_OUT = 3
    ACCESS_DENIED = 4
    NOT_READY = 5
    UNEXPECTED_ANSWER = 6
    SPLIT_BRAIN = 7
    STANDBY_NOT_FIT = 8
    READ_ONLY = 9
    USAGE = 64
    INTERNAL = 70
    CONFIGURATION = 78


@dataclass(frozen=True)
class Result:
    """How a run ended. `code` is negative if a signal ended it."""
    code: int
    stdout: str
    stderr: str
    seconds: float
    cpu_seconds: float

    @property
    def output(self):
        """Everything it printed."""
        return self.stdout + self.stderr

    @property
    def outcome(self):
        """(code, output): in HAProxy form the output of an ordinary outcome is ""."""
        return self.code, self.output


class PeakMemory:
    """Measures the most memory a check has resident: run it under `prefix`, ask for bytes()."""

    def __init__(self):
        self._file = scratch.directory("memory") / "bytes"
        self.prefix = [sys.executable, "-I", "-S",
                       str(Path(__file__).with_name("peak_memory.py")), str(self._file)]

    def bytes(self):
        """The result, exact if it is well above 10 MB."""
        return int(self._file.read_text())


def bin_directory():
    """Where the executables are: $CHECKPG_BIN, or the release build."""
    return Path(os.environ.get("CHECKPG_BIN") or REPOSITORY / "build/release/bin").resolve()


def executable(name):
    """The path of checkpgprimary, checkpgstandby or checkpgroutes."""
    path = bin_directory() / name
    if not path.exists():
        raise FileNotFoundError(f"{path} doesn't exist: build first, or set CHECKPG_BIN to the "
                                "directory of the executables")
    return path


def is_static():
    """Whether the executables bring a libpq of their own, as the shipped ones do."""
    return b"libpq.so." not in executable("checkpgprimary").read_bytes()


def has_openssl_that_ships():
    """Whether OpenSSL is 3.0, as in what ships. Newer ones are larger and take longer to begin."""
    return "\nOpenSSL 3.0." in run_check("checkpgprimary", "--version").stdout


def public_copy(name, directory=None):
    """A copy of an executable in a directory every user may enter: the build tree may be closed
    to others."""
    copy = (directory or scratch.directory("bin")) / name
    shutil.copyfile(executable(name), copy)
    copy.chmod(0o755)
    return copy


def is_instrumented():
    """Whether the executables are the asan or coverage build, whose CPU and memory mean nothing."""
    program = executable("checkpgprimary").read_bytes()
    return b"__asan_init" in program or b"__gcov_init" in program


def write_configuration(text="", *, passwords=None, mode=0o640):
    """Writes a checkpg.conf and returns its path. `passwords` are lines of a password file beside
    it, which it names; without them it says that there is none: the machine's own never counts."""
    directory = scratch.directory("configuration")
    path, password_file = directory / "checkpg.conf", ""
    if passwords is not None:
        password_file = directory / "pgpass"
        password_file.write_text(passwords)
        password_file.chmod(0o600)
    own = "" if re.search(r"^\s*passfile\b", text, re.M) else f"passfile = {password_file}\n"
    path.write_text(own + text)
    path.chmod(mode)
    return path


def run_check(program, *arguments, configuration="", passwords=None, env=None,
              timeout=_HANG_SECONDS, closed_descriptors=False, prefix=(), cwd="/"):
    """Runs an executable to its end and returns a Result.

    `program` is a name, or a path. `configuration` and `passwords` are for write_configuration().
    The environment is `env`, CHECKPG_CONFIG, and nothing else. `closed_descriptors` starts it
    without descriptors 0-2, as HAProxy's daemon mode does: then there is no output. `prefix` is
    a command to run it under. A run that exceeds `timeout` is killed and raises
    subprocess.TimeoutExpired.
    """
    path = str(program) if "/" in str(program) else str(executable(program))
    command = [*prefix, path, *map(str, arguments)]
    if closed_descriptors:
        command = ["/bin/sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', *command]
    environment = {**_SANITIZER_ENVIRONMENT,
                   **{name: str(value) for name, value in (env or {}).items()}}
    if "CHECKPG_CONFIG" not in environment:
        environment["CHECKPG_CONFIG"] = str(write_configuration(configuration,
                                                                passwords=passwords))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.monotonic()
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=err, start_new_session=True)
        status, usage = _wait(process, timeout * PATIENCE)
        seconds = time.monotonic() - begin
        out.seek(0), err.seek(0)
        return Result(os.waitstatus_to_exitcode(status), out.read().decode(errors="replace"),
                      err.read().decode(errors="replace"), seconds,
                      usage.ru_utime + usage.ru_stime)


def haproxy_environment(address, port, *, backend="PostgresReadWrite-backend", server="db1"):
    """The environment HAProxy gives a check: these and no others."""
    return {"PATH": "", "HAPROXY_PROXY_NAME": backend, "HAPROXY_PROXY_ID": "4",
            "HAPROXY_PROXY_ADDR": "NOT_USED", "HAPROXY_PROXY_PORT": "NOT_USED",
            "HAPROXY_SERVER_NAME": server, "HAPROXY_SERVER_ID": "1",
            "HAPROXY_SERVER_ADDR": str(address), "HAPROXY_SERVER_PORT": str(port),
            "HAPROXY_SERVER_MAXCONN": "0", "HAPROXY_SERVER_CURCONN": "0",
            "HAPROXY_SERVER_SSL": "0", "HAPROXY_SERVER_PROTO": "tcp"}


def run_as_haproxy(program, address, port, *, backend="PostgresReadWrite-backend", server="db1",
                   env=None, **options):
    """Runs a check with the arguments and the environment HAProxy gives it; see run_check().

    `env` adds to that environment, as `external-check preserve-env` would.
    """
    environment = haproxy_environment(address, port, backend=backend, server=server)
    return run_check(program, "NOT_USED", "NOT_USED", address, port,
                     env={**environment, **(env or {})}, **options)


def ask(program, server, /, **options):
    """run_as_haproxy() about a postgres.Server or a stand-in: anything with address and port."""
    return run_as_haproxy(program, server.address, server.port, **options)


def _wait(process, timeout):
    """wait4() with a time limit: its resource usage is this one process's."""
    descriptor = os.pidfd_open(process.pid)
    try:
        ended, _, _ = select.select([descriptor], [], [], timeout)
        if not ended:
            os.killpg(process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        os.close(descriptor)
    process.returncode = os.waitstatus_to_exitcode(status)
    if not ended:
        raise subprocess.TimeoutExpired(process.args, timeout)
    return status, usage
