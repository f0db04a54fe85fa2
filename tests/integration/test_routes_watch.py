"""checkpgroutes --watch, on a terminal and on a pipe, while things happen."""

import fcntl
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import termios
import threading

import pytest
from harness.checks import executable, write_configuration
from harness.haproxy import HAProxy, READ_WRITE
from harness.waiting import wait_for
from stats_sockets import StatsSocket, saying, table

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[0m\x1b[?25h\x1b[?1049l"
FRAME = "\x1b[?25l\x1b[H"
COLOUR = re.compile(r"\x1b\[3\dm")
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def take_terminal():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Watch:
    """A running checkpgroutes --watch whose output is collected."""

    def __init__(self, arguments, *, terminal, env=None, size=(24, 120), interval="100ms"):
        self.text = ""
        reader, writer = pty.openpty() if terminal else os.pipe()
        if terminal:
            self.settings = termios.tcgetattr(writer)
            self._resize(writer, size)
        self._process = subprocess.Popen(
            [executable("checkpgroutes"), "--watch", interval, *map(str, arguments)],
            stdin=writer if terminal else subprocess.DEVNULL, stdout=writer,
            start_new_session=True, preexec_fn=take_terminal if terminal else None,
            env={"TERM": "xterm", "CHECKPG_CONFIG": str(write_configuration()), **(env or {})})
        # The terminal stays open: its settings can be looked at, and its end is not the program's.
        self._writer = writer if terminal else None
        if not terminal:
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
        self._close_terminal()
        self._thread.join()
        os.close(self._reader)

    def _close_terminal(self):
        if self._writer is not None:
            os.close(self._writer)
            self._writer = None

    def _resize(self, terminal, size):
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

    def resize(self, rows, columns):
        self._resize(self._writer, (rows, columns))

    def type(self, text):
        os.write(self._reader, text.encode())

    def settings_now(self):
        return termios.tcgetattr(self._writer)

    def frames(self):
        """The lines of each screen that was painted, without colours."""
        painted = self.text.replace(LEAVE, "").replace(ENTER, "").split(FRAME)[1:]
        return [ESCAPE.sub("", frame).split("\r\n") for frame in painted]

    def wait_for_screen(self, condition, what, start=0):
        """Waits until a whole screen, of those behind the first `start` ones, meets a condition on
        its lines; returns them."""
        def found():
            return next((one for one in self.frames()[start:]
                         if ", every 1h, q ends" in one[-1] and condition(one)), None)
        return wait_for(found, f"{what}; the last screen: {self.frames()[-1:]}")

    def wait_for(self, text, start=0):
        """Waits until this text appears behind position `start`; returns where it ends."""
        def position():
            found = self.text.find(text, start)
            return found + len(text) if found >= 0 else None
        return wait_for(position, f"{text!r} in the output, which ends {self.text[-2000:]!r}")

    def end(self, number):
        """Sends a signal and returns the exit code when all output has been read."""
        self._process.send_signal(number)
        return self.wait()

    def wait(self):
        """Waits until it ends, and all output has been read."""
        code = self._process.wait(10)
        if self._writer is not None:
            self.settings_at_end = self.settings_now()
        self._close_terminal()
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
        watch.wait_for("\n> db2 ", position)
        watch.end(signal.SIGINT)


def test_no_color(proxy):
    with Watch(["--socket", proxy.socket], terminal=True, env={"NO_COLOR": "1"}) as watch:
        watch.wait_for("OK")
        watch.end(signal.SIGINT)
        assert not COLOUR.search(watch.text)


@pytest.mark.parametrize("size", [(8, 40), (3, 20), (2, 100), (1, 5)])
def test_a_small_screen_is_never_left(proxy, size):
    with Watch(["--socket", proxy.socket], terminal=True, size=size,
               env={"NO_COLOR": "1"}) as watch:
        watch.wait_for("OK", watch.wait_for("OK"))
        watch.end(signal.SIGINT)
    assert all(len(lines) <= size[0] and all(len(line) <= size[1] for line in lines)
               for lines in watch.frames())


def test_q_ends_and_the_terminal_is_as_before(proxy):
    with Watch(["--socket", proxy.socket], terminal=True, interval="1h") as watch:
        watch.wait_for("every 1h, q ends, arrows scroll")
        assert not watch.settings_now()[3] & (termios.ICANON | termios.ECHO)
        watch.type("xq")
        assert watch.wait() == 0
        assert watch.settings_at_end == watch.settings
        assert watch.text.endswith(LEAVE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_a_signal_gives_the_terminals_settings_back(proxy, number):
    with Watch(["--socket", proxy.socket], terminal=True) as watch:
        watch.wait_for("OK")
        assert watch.end(number) == -number
        assert watch.settings_at_end == watch.settings


def test_the_terminals_settings_while_stopped(proxy):
    with Watch(["--socket", proxy.socket], terminal=True, interval="1h") as watch:
        watch.wait_for("every 1h")
        watch.type("\x1a")
        position = watch.wait_for(LEAVE)
        wait_for(lambda: watch.settings_now() == watch.settings, "the settings to be given back")
        watch.signal(signal.SIGCONT)
        watch.wait_for("every 1h", watch.wait_for(ENTER, position))
        assert watch.settings_now() != watch.settings
        watch.type("q")
        assert watch.wait() == 0
        assert watch.settings_at_end == watch.settings


SIZES = [(24, 80), (40, 120)]


@pytest.mark.parametrize("size", SIZES, ids=["24x80", "40x120"])
@pytest.mark.parametrize("servers", [4, 30])
@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}], ids=["colours", "no colours"])
def test_what_is_broken_comes_first_and_all_can_be_reached(servers, size, env):
    name = f"db{servers - 1}.example.com"
    text = table(servers).replace(f"{name},DOWN,2,PROCERR,1", f"{name},DOWN,2,PROCERR,4")
    text = text.replace(f"{name},UP,2,PROCOK,0", f"{name},DOWN,2,PROCERR,4")
    with StatsSocket(saying(text)) as server, \
            Watch(["--socket", server.path], terminal=True, size=size, env=env,
                  interval="1h") as watch:
        watch.wait_for("every 1h")
        assert bool(COLOUR.search(watch.text)) == (not env)
        first = watch.wait_for_screen(lambda lines: True, "a screen")
        assert first[0].startswith(f"WARNING: {name}: access denied; primary db0.example.com")
        rows = next(i for i, line in enumerate(first) if "SERVER" in line)
        assert first[rows + 1].split()[:3] == [name, "access", "denied"]
        assert first[rows + 2].split()[:2] == ["db0.example.com", "UP"]
        fits = f"db{servers - 2}.example.com  " in "\n".join(first)
        assert fits == (servers < size[0])
        if not fits:
            shown = len(watch.frames())
            watch.type("\x1b[6~\x1b[6~")
            watch.wait_for_screen(lambda lines: f"db{servers - 2}.example.com  " in "\n".join(lines),
                                  "the last server", shown)
        print("\n".join(["", *first]))
        watch.type("q")
        assert watch.wait() == 0


def test_another_size_is_used_at_once(proxy):
    with Watch(["--socket", proxy.socket], terminal=True, interval="1h") as watch:
        watch.wait_for("every 1h")
        watch.resize(10, 60)
        watch.wait_for_screen(lambda lines: len(lines) == 10, "a screen of ten lines")
        watch.type("q")
        assert watch.wait() == 0


def test_a_dumb_terminal_gets_lines(proxy):
    with Watch(["--socket", proxy.socket], terminal=True, env={"TERM": "dumb"}) as watch:
        watch.wait_for("OK")
        watch.end(signal.SIGINT)
        assert "\x1b" not in watch.text


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_haproxy_reloads_stops_and_starts_meanwhile(proxy, terminal):
    with Watch(["--socket", proxy.socket], terminal=terminal, env={"NO_COLOR": "1"}) as watch:
        position = watch.wait_for("OK: primary db1 for ")
        proxy.reload()
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2"])
        position = watch.wait_for("OK: primary db1 for ", position)
        proxy.stop()
        position = watch.wait_for("UNKNOWN: ", position)
        proxy.start()
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2"])
        watch.wait_for("OK: primary db1 for ", position)
        watch.end(signal.SIGINT)


def test_only_changes_on_a_pipe(proxy):
    with Watch(["--socket", proxy.socket], terminal=False) as watch, proxy.session(READ_WRITE):
        position = watch.wait_for("OK: primary db1 for ")
        proxy.command("set server PostgresReadOnly-backend/db2 state maint")
        position = watch.wait_for(
            "PostgresReadOnly-backend/db2: UP, standby -> MAINT, -\n", position)
        watch.wait_for("WARNING: no standby: db2 in maintenance; primary db1", position)
        watch.wait_for("\n", position)
        watch.end(signal.SIGINT)
        assert "\x1b" not in watch.text
        stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4} "
        lines = watch.text.splitlines()
        assert all(re.match(stamp, line) for line in lines)
        assert len(lines) == 4  # and the backend's own


def test_json_lines(proxy):
    with Watch(["--socket", proxy.socket, "--json"], terminal=False) as watch:
        watch.wait_for("\n", watch.wait_for("\n"))
        watch.end(signal.SIGINT)
        for line in watch.text.splitlines()[:2]:
            assert json.loads(line)["state"] == "ok"


@pytest.mark.parametrize("interval", ["100ms", "1h"])
@pytest.mark.parametrize("pipe", [os.pipe, lambda: [end.detach() for end in socket.socketpair()]], ids=["pipe", "socket"])
def test_nobody_reads_any_more(proxy, pipe, interval):
    """Nothing changes any more either, so nothing more is written."""
    reader, writer = pipe()
    process = subprocess.Popen(
        [executable("checkpgroutes"), "--watch", interval, "--socket", proxy.socket],
        stdout=writer, stderr=subprocess.DEVNULL, env={"CHECKPG_CONFIG": str(write_configuration())})
    os.close(writer)
    try:
        said = b""
        while not re.search(rb"OK: .*\n", said):
            said += os.read(reader, 65536)
        os.close(reader)
        assert process.wait(10) == 3
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("env, colours", [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False),
                                          ({"TERM": "xterm", "NO_COLOR": "1"}, False)],
                         ids=["colours", "dumb", "NO_COLOR"])
def test_one_look_on_a_terminal_has_no_performance_data(env, colours):
    def shown(*options):
        terminal, other_end = pty.openpty()
        subprocess.run([executable("checkpgroutes"), "--socket", server.path, *options],
                       stdin=subprocess.DEVNULL, stdout=other_end, check=True,
                       env={"CHECKPG_CONFIG": str(write_configuration()), **env})
        os.close(other_end)
        with os.fdopen(terminal, "rb", buffering=0) as reader:
            return reader.read(65536).decode()
    with StatsSocket(saying(table(3))) as server:
        text = shown()
        assert "|" not in text and "\r\nSERVER " in text
        assert bool(COLOUR.search(text)) == colours
        assert " | primaries=1;" in shown("-q")
