"""checkpgroutes --watch, on a terminal and on a pipe, while things happen."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading

import pytest
from harness.checks import executable, write_configuration
from harness.haproxy import HAProxy
from harness.waiting import wait_for

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[0m\x1b[?25h\x1b[?1049l"
FRAME = "\x1b[?25l\x1b[H"
COLOUR = re.compile(r"\x1b\[3\dm")


class Watch:
    """A running checkpgroutes --watch whose output is collected."""

    def __init__(self, arguments, *, terminal, env=None, size=(24, 120)):
        self.text = ""
        reader, writer = pty.openpty() if terminal else os.pipe()
        if terminal:
            fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self._process = subprocess.Popen(
            [executable("checkpgroutes"), "--watch", "100ms", *map(str, arguments)],
            stdin=subprocess.DEVNULL, stdout=writer, start_new_session=True,
            env={"TERM": "xterm", "CHECKPG_CONFIG": str(write_configuration()), **(env or {})})
        os.close(writer)
        self._reader = reader
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._thread.join()
        os.close(self._reader)

    def wait_for(self, text, start=0):
        """Waits until this text appears behind position `start`; returns where it ends."""
        def position():
            found = self.text.find(text, start)
            return found + len(text) if found >= 0 else None
        return wait_for(position, f"{text!r} in the output, which ends {self.text[-2000:]!r}")

    def end(self, number):
        """Sends a signal and returns the exit code when all output has been read."""
        self._process.send_signal(number)
        code = self._process.wait(10)
        self._thread.join()
        return code

    def signal(self, number):
        self._process.send_signal(number)

    def _collect(self):
        while True:
            try:
                data = os.read(self._reader, 65536)
            except OSError:  # the terminal's other end is closed
                return
            if not data:
                return
            self.text += data.decode()


@pytest.fixture
def proxy(primary, standby):
    with HAProxy([primary, standby], mode="master-worker", interval="300ms") as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2"])
        yield proxy


def test_a_screen_that_is_redrawn_and_left_clean(proxy):
    with Watch(["--socket", proxy.socket], terminal=True) as watch:
        watch.wait_for("OK", watch.wait_for("OK"))
        assert watch.end(signal.SIGINT) == -signal.SIGINT
        assert watch.text.startswith(ENTER)
        assert watch.text.endswith(LEAVE)
        assert watch.text.count(ENTER) == watch.text.count(LEAVE) == 1
        assert COLOUR.search(watch.text)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT],
                         ids=lambda number: number.name)
def test_other_signals_leave_a_clean_screen_too(proxy, number):
    with Watch(["--socket", proxy.socket], terminal=True) as watch:
        watch.wait_for("OK")
        assert watch.end(number) == -number
        assert watch.text.endswith(LEAVE)


def test_ctrl_z_gives_the_terminal_back_until_it_goes_on(proxy):
    with Watch(["--socket", proxy.socket], terminal=True) as watch:
        watch.wait_for("OK")
        watch.signal(signal.SIGTSTP)
        position = watch.wait_for(LEAVE)
        watch.signal(signal.SIGCONT)
        position = watch.wait_for(ENTER, position)
        watch.wait_for("OK", position)
        watch.end(signal.SIGINT)


def test_ctrl_c_while_haproxy_is_stuck(proxy):
    with Watch(["--socket", proxy.socket, "-t", "60"], terminal=True) as watch:
        watch.wait_for("OK")
        worker = int(proxy.show_info()["Pid"])
        os.kill(worker, signal.SIGSTOP)
        try:
            assert watch.end(signal.SIGINT) == -signal.SIGINT
            assert watch.text.endswith(LEAVE)
        finally:
            os.kill(worker, signal.SIGCONT)


def test_changes_are_marked(proxy):
    with Watch(["--socket", proxy.socket], terminal=True) as watch:
        position = watch.wait_for("OK")
        assert "\n> " not in watch.text
        proxy.command("set server PostgresReadOnly-backend/db2 state maint")
        watch.wait_for("\n> PostgresReadOnly-backend ", position)
        watch.end(signal.SIGINT)


def test_no_color(proxy):
    with Watch(["--socket", proxy.socket], terminal=True, env={"NO_COLOR": "1"}) as watch:
        watch.wait_for("OK")
        watch.end(signal.SIGINT)
        assert not COLOUR.search(watch.text)


def test_a_small_screen_never_scrolls(proxy):
    with Watch(["--socket", proxy.socket], terminal=True, size=(8, 40),
               env={"NO_COLOR": "1"}) as watch:
        watch.wait_for("OK", watch.wait_for("OK"))
        watch.end(signal.SIGINT)
    for frame in watch.text.removesuffix(LEAVE).split(FRAME)[1:]:
        lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame).split("\r\n")
        assert len(lines) <= 8
        assert all(len(line) <= 40 for line in lines)


def test_a_dumb_terminal_gets_lines(proxy):
    with Watch(["--socket", proxy.socket], terminal=True, env={"TERM": "dumb"}) as watch:
        watch.wait_for("OK")
        watch.end(signal.SIGINT)
        assert "\x1b" not in watch.text


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_haproxy_reloads_stops_and_starts_meanwhile(proxy, terminal):
    with Watch(["--socket", proxy.socket], terminal=terminal, env={"NO_COLOR": "1"}) as watch:
        position = watch.wait_for("OK: primary db1, 1 standby")
        proxy.reload()
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2"])
        position = watch.wait_for("OK: primary db1, 1 standby", position)
        proxy.stop()
        position = watch.wait_for("UNKNOWN: ", position)
        proxy.start()
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2"])
        watch.wait_for("OK: primary db1, 1 standby", position)
        watch.end(signal.SIGINT)


def test_lines_on_a_pipe(proxy):
    with Watch(["--socket", proxy.socket], terminal=False) as watch:
        position = watch.wait_for("OK: primary db1, 1 standby")
        proxy.command("set server PostgresReadOnly-backend/db2 state maint")
        position = watch.wait_for(
            "PostgresReadOnly-backend/db2: UP, standby -> MAINT, -\n", position)
        watch.wait_for("WARNING: no standby", position)
        watch.end(signal.SIGINT)
        assert "\x1b" not in watch.text
        stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} "
        assert all(re.match(stamp, line) for line in watch.text.splitlines()[:-1])


def test_json_lines(proxy):
    with Watch(["--socket", proxy.socket, "--json"], terminal=False) as watch:
        watch.wait_for("\n", watch.wait_for("\n"))
        watch.end(signal.SIGINT)
        for line in watch.text.splitlines()[:2]:
            assert json.loads(line)["state"] == "ok"


def test_nobody_reads_any_more(proxy):
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [executable("checkpgroutes"), "--watch", "100ms", "--socket", proxy.socket],
        stdout=writer, stderr=subprocess.DEVNULL, env={"CHECKPG_CONFIG": str(write_configuration())})
    os.close(writer)
    os.close(reader)
    assert process.wait(10) != 0
