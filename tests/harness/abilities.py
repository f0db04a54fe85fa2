"""What this machine lets a test do. Where it does not, the test is a skip with its reason, which
tests/run counts and shows; with CI=true it is a failure, since CI is to show everything."""

import functools
import os
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
