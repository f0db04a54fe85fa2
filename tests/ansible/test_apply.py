"""HAProxy and keepalived go by what their files say, whichever run has written them."""

import os
import re
import subprocess
import time

import pytest
from harness import abilities, scratch
from harness.checks import REPOSITORY
from harness.haproxy import HAProxy, Target
from harness.waiting import wait_for

import machine

ROLES = REPOSITORY / "ansible/roles"
TARGETS = [Target("db1", "192.0.2.11", 5432), Target("db2", "192.0.2.12", 5432)]
QUIET = {name: "/bin/true" for name in ("PostgresReadWrite", "PostgresReadOnly")}


def said(script, *arguments, **environment):
    """What a script of the role haproxy prints."""
    abilities.require_program("socat", "the stats socket")
    run = subprocess.run(["sh", "-s", *map(str, arguments)], input=(ROLES / script).read_text(), text=True,
                         capture_output=True, timeout=60, check=True, env={"PATH": os.environ["PATH"], **environment})
    assert run.stderr == ""
    return run.stdout.splitlines()


def unread(proxy, servers):
    return said("haproxy/files/unread", proxy.socket, servers, proxy.configuration_file, proxy.directory / "conf.d")


def servers_down(proxy):
    """The list of servers as the role writes it, of the HAProxy's own."""
    lines = proxy.command("show servers state").splitlines()
    file = proxy.directory / "servers-down"
    file.write_text("1\n" + "".join(" ".join(line.split()[:20]) + "\n" for line in lines[2:] if line))
    return file


def test_what_haproxy_has_not_read_is_seen():
    with HAProxy(TARGETS, mode="master-worker", programs=QUIET) as proxy:
        proxy.wait_until_checked()
        servers = servers_down(proxy)
        assert unread(proxy, servers) == unread(proxy, proxy.directory / "none") == []

        proxy.configuration_file.write_text(proxy.configuration_file.read_text() + "# changed\n")
        assert unread(proxy, servers) == [str(proxy.configuration_file)]
        proxy.reload()
        assert unread(proxy, servers) == []

        # One that was put back, with its older time.
        copy = proxy.directory / "older"
        copy.write_text(proxy.configuration_file.read_text())
        os.utime(copy, (0, 0))
        copy.rename(proxy.configuration_file)
        assert unread(proxy, servers) == [str(proxy.configuration_file)]
        proxy.reload()
        wait_for(lambda: unread(proxy, servers) == [], "the new worker")
        (proxy.directory / "conf.d").mkdir()
        assert unread(proxy, servers) == [str(proxy.directory / "conf.d")]
        proxy.reload()

        text = servers.read_text()
        servers.write_text(text.replace(" 5432", " 6432", 1))
        assert unread(proxy, servers) == ["PostgresReadWrite-backend db1 192.0.2.11 6432"]
        servers.write_text(text)

        proxy.configuration_file.write_text("nonsense\n")
        os.kill(proxy.pid, 12)  # SIGUSR2, a reload that fails
        wait_for(lambda: "nonsense" in proxy.output(), "HAProxy to refuse its configuration")
        assert unread(proxy, servers) == [str(proxy.configuration_file)]
        proxy.stop()
        assert unread(proxy, servers) == [str(proxy.configuration_file), str(proxy.directory / "conf.d")]


def failing(fall):
    """A HAProxy whose servers pass until a file is there, and the file."""
    directory = scratch.directory("checks")
    check = directory / "check"
    check.write_text(f"#!/bin/sh\n[ ! -e {directory}/fail ]\n")
    check.chmod(0o755)
    return HAProxy(TARGETS, programs={**QUIET, "PostgresReadOnly": str(check)}, interval=0.2,
                   server_options=f"rise 1 fall {fall}"), directory / "fail"


def test_a_reload_waits_for_a_quiet_moment_but_not_for_ever():
    for fall, patience in ((10000, 1), (5, 60)):
        proxy, fail = failing(fall)
        with proxy:
            wait_for(lambda proxy=proxy: {row["status"] for row in proxy.states("PostgresReadOnly").values()} == {"UP"},
                     "all to be settled")
            assert said("haproxy/files/changing", proxy.socket, 0) == []
            fail.touch()
            wait_for(lambda proxy=proxy: "/" in proxy.states("PostgresReadOnly")["db2"]["status"], "a check to fail")
            began = time.monotonic()
            found = said("haproxy/files/changing", proxy.socket, patience)
            if fall == 5:
                assert found == [] and time.monotonic() - began < 50
            else:
                assert found and found[-1].startswith("PostgresReadOnly-backend/db2 UP ")


def test_keepalived_is_asked_when_it_was_loaded_last():
    directory = scratch.directory("keepalived")
    (directory / "keepalived.conf").touch()
    systemctl = directory / "systemctl"
    for since, found in (("Thu 2026-01-01 00:00:00 UTC", 1), ("Thu 2099-01-01 00:00:00 UTC", 0), ("", 1), ("n/a", 1)):
        systemctl.write_text(f"#!/bin/sh\necho StateChangeTimestamp={since}\n")
        systemctl.chmod(0o755)
        run = subprocess.run(["sh", "-s", directory / "keepalived.conf", directory / "none"], text=True, check=True,
                             input=(ROLES / "keepalived/files/unread").read_text(), stdout=subprocess.PIPE,
                             env={"PATH": f"{directory}:{os.environ['PATH']}"}, timeout=60)
        assert len(run.stdout.splitlines()) == found, since


def told(etc):
    return (etc / "told-systemctl").read_text().splitlines()


@pytest.mark.versions("tasks")
def test_a_run_that_was_cut_off_after_its_files_were_written_is_made_good_by_the_next():
    """No file is changed any more."""
    router = machine.Machine()
    code, text, etc = router.play()
    assert code == 0, text
    assert {"reload haproxy", "reload keepalived"} <= set(told(etc))
    router.add_tree(etc)
    code, text, etc = router.play()
    assert code == 0, text
    assert {"reload haproxy", "reload keepalived"} <= set(told(etc))
    for program in ("HAProxy", "keepalived"):
        assert re.search(rf"Configuration of {program}\] \*+\nok:", text), text
