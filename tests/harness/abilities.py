"""What this machine lets a test do. Where it does not, the test is a skip with its reason, which
tests/run counts and shows; with CI=true it is a failure, since CI is to show everything."""

import functools
import os
import shutil
import subprocess

_PRIVATE_MOUNTS = ("--mount", "--propagation", "private")


def cannot(reason):
    """Ends the running test: this machine can't show what it is to show."""
    import pytest  # the demo has the harness without it

    if os.environ.get("CI") == "true":
        pytest.fail(f"not to be left out in CI: {reason}", pytrace=False)
    pytest.skip(reason)


def is_root():
    return os.geteuid() == 0


def require_root(what):
    if not is_root():
        cannot(f"{what} needs root")


@functools.cache
def can_unshare(*kinds):
    """Whether unshare(1) makes namespaces of these kinds, given as its options."""
    return subprocess.run(["/usr/bin/unshare", *kinds, "/bin/true"], stdin=subprocess.DEVNULL,
                          capture_output=True).returncode == 0


def require_namespace(what, *kinds):
    if not can_unshare(*kinds):
        cannot(f"{what} needs a namespace (unshare {' '.join(kinds)}), and none can be made here")


def require_program(name, what):
    """The path of a program that a machine may not have, or may not let work."""
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        cannot(f"{what} needs {name}")
    return path


@functools.cache
def _can_trace(strace):
    return subprocess.run([strace, "-o", "/dev/null", "/bin/true"], stdin=subprocess.DEVNULL,
                          capture_output=True).returncode == 0


def with_faults(*faults):
    """A command prefix under which system calls do what strace(1) injects: `call:what`."""
    strace = require_program("strace", "a system call that fails")
    if not _can_trace(strace):
        cannot("a system call that fails needs ptrace(2)")
    calls = ",".join(dict.fromkeys(fault.partition(":")[0] for fault in faults))
    # The leak sanitizer gives up under a tracer.
    return ["/usr/bin/env", "ASAN_OPTIONS=exitcode=99:halt_on_error=1:detect_leaks=0",
            strace, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}",
            *(word for fault in faults for word in ("-e", f"inject={fault}")), "--"]


@functools.cache
def _has_network_of_its_own():
    """A container may let one be made and nothing be set up in it."""
    return subprocess.run(["/usr/bin/unshare", "--net", "/usr/sbin/ip", "link", "set", "lo", "up"],
                          stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


def require_network(what):
    if not _has_network_of_its_own():
        cannot(f"{what} needs a network namespace to set up (unshare --net), and there is none here")


def require_private_mounts(what):
    """A file system of the test's own: a mount that nobody else sees."""
    require_namespace(what, *_PRIVATE_MOUNTS)


def with_private_mounts(script, *arguments):
    """A command prefix: a shell runs the script (its arguments are $1 and on) in a mount namespace of
    its own, and then the command, which the script finds as "$@" after `shift`."""
    return ["/usr/bin/unshare", *_PRIVATE_MOUNTS, "/bin/sh", "-c",
            f'PATH=/usr/sbin:/usr/bin:/sbin:/bin; {script}; exec "$@"', "sh", *map(str, arguments)]


def require_no_etc_checkpg():
    if os.path.exists("/etc/checkpg"):
        cannot("this machine has an /etc/checkpg of its own")
