"""What HAProxy shows when a check fails: the exit code is the diagnosis."""

import os
import re

import pytest
from harness import haproxy, hostile, ports, scratch
from harness.checks import Code
from harness.haproxy import HAProxy, READ_ONLY, READ_WRITE, Target
from harness.waiting import wait_for


def down(code):
    return "DOWN", "PROCERR", int(code)


@pytest.fixture(params=["foreground", "daemon"])
def mode(request):
    return request.param


def test_check_code_tells_why_a_server_is_down(primary, standby, mode):
    """One backend with a server for each reason that needs no waiting."""
    primary.authenticate("trust")
    with (hostile.StandIn(hostile.refuse("28P01")) as denying,
          hostile.StandIn(hostile.refuse("57P03")) as starting,
          hostile.StandIn(hostile.http) as web,
          hostile.StandIn(hostile.demand(7)) as kerberos):
        targets = [primary, standby, Target("closed", "127.0.0.1", ports.free_port()),
                   named("denying", denying), named("starting", starting), named("web", web),
                   named("kerberos", kerberos)]
        common = {"closed": down(Code.UNREACHABLE), "denying": down(Code.ACCESS_DENIED),
                  "starting": down(Code.NOT_READY), "web": down(Code.UNEXPECTED_ANSWER),
                  "kerberos": down(Code.ACCESS_DENIED)}
        with HAProxy(targets, mode=mode) as proxy:
            proxy.wait_for_results(READ_WRITE, {
                **common, "db1": ("UP", "PROCOK", 0), "db2": down(Code.OTHER_ROLE)})
            proxy.wait_for_results(READ_ONLY, {
                **common, "db1": down(Code.OTHER_ROLE), "db2": ("UP", "PROCOK", 0)})


def test_a_real_refusal_is_seen_as_access_denied(primary, mode):
    primary.set_hba()
    with HAProxy([primary], mode=mode) as proxy:
        proxy.wait_for_results(READ_WRITE, {"db1": down(Code.ACCESS_DENIED)})
        proxy.wait_for_results(READ_ONLY, {"db1": down(Code.ACCESS_DENIED)})


def test_a_time_out_of_the_check_is_told_from_one_of_haproxy(mode):
    """The check ends by itself where `inter` leaves it the time, else HAProxy ends it."""
    with hostile.BlackHole() as hole, hostile.StandIn(hostile.silent) as silent:
        targets = [named("hole", hole), named("silent", silent)]
        with HAProxy(targets, mode=mode, interval=2.0) as proxy:
            for backend in (READ_WRITE, READ_ONLY):
                proxy.wait_for_results(backend, {"hole": down(Code.TIMED_OUT),
                                                 "silent": down(Code.TIMED_OUT)})
        with HAProxy(targets, mode=mode, interval="300ms") as proxy:
            proxy.wait_until_checked()
            for result in proxy.results(READ_WRITE).values():
                assert result[:2] == ("DOWN", "PROCTOUT")


def test_a_frozen_server_goes_down_and_comes_back(primary, mode):
    with HAProxy([primary], mode=mode, interval=2.0) as proxy:
        proxy.wait_for_results(READ_WRITE, {"db1": ("UP", "PROCOK", 0)})
        primary.freeze()
        proxy.wait_for_results(READ_WRITE, {"db1": down(Code.TIMED_OUT)})
        primary.thaw()
        proxy.wait_for_results(READ_WRITE, {"db1": ("UP", "PROCOK", 0)})


def test_the_log_line_of_a_state_change_has_the_code(mode):
    with HAProxy([Target("closed", "127.0.0.1", ports.free_port())], mode=mode) as proxy:
        proxy.wait_until_checked()
        line = wait_for(lambda: [line for line in proxy.log() if "is DOWN" in line],
                        "the log line of the state change")[0]
        assert re.search(r"/closed is DOWN.*External check error, code: 2\b", line)


def test_a_program_that_does_not_exist_is_a_code_of_haproxys_own(primary, mode):
    missing = str(scratch.directory("nothing") / "checkpgprimary")
    with HAProxy([primary], mode=mode, programs={READ_WRITE: missing}) as proxy:
        proxy.wait_for_results(READ_WRITE, {"db1": ("DOWN", "PROCERR", 255)})
        proxy.wait_for_results(READ_ONLY, {"db1": down(Code.OTHER_ROLE)})


def test_a_configuration_error_is_seen_in_the_code(primary, mode):
    haproxy.require_private_etc()
    with HAProxy([primary], mode=mode, files={"checkpg.conf": "colour = blue\n"}) as proxy:
        proxy.wait_for_results(READ_WRITE, {"db1": down(Code.CONFIGURATION)})
        if mode == "foreground":
            assert "/etc/checkpg/checkpg.conf:1" in proxy.output()
        proxy.write_file("checkpg.conf", "# nothing\n")
        proxy.wait_for_results(READ_WRITE, {"db1": ("UP", "PROCOK", 0)})


def test_what_haproxy_gives_a_check_is_what_the_harness_gives_it(primary, mode):
    """The other tests run checks with run_as_haproxy(): here is what that imitates."""
    told = scratch.directory("told")
    told.chmod(0o777)
    spy = told / "spy"
    spy.write_text("#!/bin/sh\n"
                   'for n in 0 1 2; do [ -e /proc/$$/fd/$n ] && open="$open $n"; done\n'
                   f"exec >{told}/out.$$ 2>&1\n"
                   'echo "open$open"\n'
                   'printf "argument %s\\n" "$@"\n'
                   'while IFS= read -r line; do printf "%s\\n" "$line"; done < /proc/$$/status\n'
                   f"/usr/bin/tr '\\0' '\\n' < /proc/$$/environ\n"
                   f"/bin/mv {told}/out.$$ {told}/done.$$\nexit 0\n")
    spy.chmod(0o755)
    with HAProxy([primary], mode=mode, programs={READ_WRITE: str(spy)}):
        report = wait_for(lambda: list(told.glob("done.*")), "a check to run")[0].read_text()
    lines = report.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("argument")] == [
        "NOT_USED", "NOT_USED", primary.address, str(primary.port)]
    variables = {line.partition("=")[0] for line in lines if re.match(r"\w+=", line)}
    assert not [name for name in variables if not re.match(r"PATH$|HAPROXY_", name)]
    for wanted in ("HAPROXY_PROXY_NAME=PostgresReadWrite-backend", "HAPROXY_SERVER_NAME=db1",
                   f"HAPROXY_SERVER_ADDR={primary.address}", f"HAPROXY_SERVER_PORT={primary.port}"):
        assert wanted in lines
    assert lines[0] == ("open" if mode == "daemon" else "open 0 1 2")
    if os.geteuid() == 0:
        assert re.search(r"^Uid:\s+(?!0\b)", report, re.M)
        assert re.search(r"^NoNewPrivs:\s+1$", report, re.M)


def named(name, server):
    return Target(name, server.address, server.port)
