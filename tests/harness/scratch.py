"""The files and processes of one test run, and that none of them outlives it.

Everything lives in one directory. It is removed, and whatever still runs is ended, when Python
exits for whatever reason: at a normal end through atexit, at SIGTERM, SIGHUP and Ctrl-C if
end_on_signals() was called, and even after SIGKILL, because a guardian process waits for our end.

CHECKPG_TEST_KEEP=1 keeps the directory and says where it is. Processes are ended all the same.
"""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

KEEP = os.environ.get("CHECKPG_TEST_KEEP", "") not in ("", "0")

_root = None
_guardian = None
_closers = []
_owner = None


def root():
    """The run's own directory. Everybody may pass through it, nobody else may list it."""
    global _root, _owner
    if _root is None:
        _owner = os.getpid()
        _root = Path(tempfile.mkdtemp(prefix="checkpg-"))
        _root.chmod(0o711)
        _start_guardian()
        atexit.register(clean_up)
    return _root


def directory(name):
    """A new, empty directory whose name starts with `name`, mode 0755."""
    path = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=root()))
    path.chmod(0o755)
    return path


def at_end(close):
    """Registers a function without arguments to be called at the end; the last one first."""
    root()
    _closers.append(close)


def forget(close):
    """Undoes at_end() for what has been closed early."""
    if close in _closers:
        _closers.remove(close)


def watch(pid, end_signal=signal.SIGTERM):
    """Tells the guardian about a process of ours and how it is asked to end."""
    root()
    _tell_guardian(f"watch {pid} {int(end_signal)}")


def unwatch(pid):
    """The process is gone: its number may soon be somebody else's."""
    _tell_guardian(f"unwatch {pid}")


def clean_up():
    """Ends and removes everything. Called at exit; harmless when called again."""
    global _root
    if _root is None or os.getpid() != _owner:
        return
    while _closers:
        close = _closers.pop()
        try:
            close()
        except Exception as error:  # the others must still be closed
            print(f"harness: clean-up: {error}", file=sys.stderr)
    _dismiss_guardian()
    if KEEP:
        print(f"harness: kept {_root}", file=sys.stderr)
    else:
        shutil.rmtree(_root, ignore_errors=True)
    _root = None


def leave_running():
    """Gives up everything as it is: processes go on, files stay. Returns the directory."""
    global _root
    left = root()
    _closers.clear()
    _dismiss_guardian()
    _root = None
    return left


def end_on_signals():
    """Makes SIGTERM and SIGHUP end this process as Ctrl-C does: by KeyboardInterrupt."""
    def interrupt(number, _frame):
        raise KeyboardInterrupt(signal.Signals(number).name)
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)


def _start_guardian():
    global _guardian
    # It leaves our session and our process tree: what kills us all at once must miss it.
    _guardian = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("guardian.py")), str(_root)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, "CHECKPG_TEST_KEEP": "1" if KEEP else ""})
    _guardian.wait()


def _tell_guardian(line):
    if _guardian is not None and os.getpid() == _owner:
        _guardian.stdin.write(line.encode() + b"\n")
        _guardian.stdin.flush()


def _dismiss_guardian():
    global _guardian
    if _guardian is not None:
        _tell_guardian("dismissed")
        _guardian.stdin.close()
        _guardian = None
