"""Checks under valgrind: no byte is read that nobody wrote, none beyond its end, none lost."""

import shutil
import subprocess

import pytest
from harness import hostile, scratch, stages
from harness.checks import Code, ask, run_check
from harness.hostile import StandIn, answer, endless, notice

#: Under valgrind a check takes some fifty times longer.
PATIENT = "timeout = 50s\npeer-timeout = 20s\n"

ERROR = 98
VALGRIND = [shutil.which("valgrind") or "valgrind", "--quiet", f"--error-exitcode={ERROR}",
            "--leak-check=full", "--errors-for-leak-kinds=definite", "--show-leak-kinds=definite",
            "--run-libc-freeres=no"]  # glibc's look-up thread may still use what that frees


def ask_under_valgrind(server, configuration="", **options):
    return ask("checkpgprimary", server, configuration=PATIENT + configuration, prefix=VALGRIND,
               timeout=60, **options)


def test_valgrind_tells():
    """Else the tests below would show nothing."""
    program = scratch.directory("wrong") / "wrong"
    program.with_suffix(".c").write_text(
        "#include <stdlib.h>\nint main(void) { char* p = malloc(4); return p[4]; }\n")
    subprocess.run(["cc", "-O0", "-o", program, program.with_suffix(".c")], check=True)
    run = run_check(program, prefix=VALGRIND, timeout=60)
    assert run.code == ERROR
    assert "Invalid read" in run.stderr and "definitely lost" in run.stderr


def test_by_trust(primary, standby):
    assert ask_under_valgrind(primary).outcome == (Code.OK, "")
    assert ask_under_valgrind(standby).outcome == (Code.OTHER_ROLE, "")


def test_by_password_within_tls(primary, authority):
    primary.use_certificate(authority.issue("server", names=["db1"]))
    primary.authenticate("scram-sha-256", connection="hostssl")
    primary.set_password("secret")
    settings = f"sslmode = verify-full\nsslrootcert = {authority.certificate}\n"
    run = ask_under_valgrind(primary, settings, passwords="*:*:*:*:secret\n")
    assert run.outcome == (Code.OK, "")
    run = ask_under_valgrind(primary, settings, passwords="*:*:*:*:wrong\n")
    assert run.outcome == (Code.ACCESS_DENIED, "")


def test_with_peers(primary, standbys):
    peers = " ".join(f"127.0.0.1:{standby.port}" for standby in standbys)
    run = ask_under_valgrind(primary, f"peers = {peers} localhost:{primary.port}\n")
    assert run.outcome == (Code.OK, "")


@pytest.mark.parametrize("script", [
    hostile.http, hostile.hang_up_within_answer, endless(notice("x" * 1000)),
    answer([["t", "t"]]), answer([[None]]), hostile.refuse("28P01", "x" * 10000),
    lambda connection: stages.encrypted_row(connection).reset()],
    ids=["http", "lost", "flood", "two columns", "null", "long error", "lost within TLS"])
def test_against_servers_that_misbehave(script):
    with StandIn(script) as server:
        run = ask_under_valgrind(server)
    assert run.code in (Code.UNEXPECTED_ANSWER, Code.ACCESS_DENIED) and run.output == ""


@pytest.mark.parametrize("arguments, code", [
    (["--help"], Code.OK), (["--version"], Code.OK), (["--colour"], Code.USAGE),
    (["127.0.0.1", "1", "-v"], Code.UNREACHABLE), (["nobody.invalid", "--json"], None)],
    ids=["help", "version", "usage", "verbose", "json"])
def test_what_a_person_may_ask(arguments, code):
    run = run_check("checkpgprimary", *arguments, configuration=PATIENT, prefix=VALGRIND,
                    timeout=60)
    assert run.code == code if code is not None else run.code in (Code.UNREACHABLE, Code.TIMED_OUT)
    assert "==" not in run.stderr
