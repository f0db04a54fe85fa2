"""Options and arguments: what is understood, and what is refused with exit code 64."""

import json
import re

import pytest
from harness.checks import Code, haproxy_environment, run_check
from harness.hostile import BlackHole
from harness.ports import has_ipv6

PROGRAMS = ["checkpgprimary", "checkpgstandby"]


def assert_refused(run, *words):
    """Exit code 64 and one line on stderr that says these words."""
    assert (run.code, run.stdout) == (Code.USAGE, ""), run
    assert run.stderr.count("\n") == 1 and run.stderr.endswith("\n"), run.stderr
    for word in words:
        assert word in run.stderr


BAD_ARGUMENTS = {
    "none": ([], ""),
    "unknown long option": (["--colour", "localhost"], "--colour"),
    "unknown short option": (["-Z", "localhost"], "-Z"),
    "option without value": (["localhost", "--port"], "--port"),
    "three arguments": (["a", "5432", "c"], ""),
    "six arguments": (["a", "b", "127.0.0.1", "5432", "e", "f"], ""),
    "port zero": (["localhost", "0"], "0"),
    "port too large": (["localhost", "65536"], "65536"),
    "port a word": (["localhost", "abc"], "abc"),
    "port negative": (["localhost", "-p", "-1"], "-1"),
    "port with a blank": (["localhost", " 5432"], " 5432"),
    "port empty": (["localhost", ""], "PORT"),
    "option port zero": (["-p", "0", "localhost"], "0"),
    "host empty": ([""], "HOST"),
    "option host empty": (["-h", ""], "host"),
    "host twice": (["-h", "a", "b"], "host"),
    "port twice": (["-p", "1", "a", "2"], "port"),
    "port twice, behind the host": (["a:1", "2"], "port"),
    "port twice, behind the host and as an option": (["-p", "1", "a:2"], "port"),
    "port behind the host zero": (["localhost:0"], "'0'"),
    "port behind the host missing": (["localhost:"], "port"),
    "IPv6 with a port but no brackets": (["::1:54333"], "[ADDRESS]:PORT"),
    "option host with a port": (["-h", "localhost:5432"], "--port"),
    "URI": (["postgresql://127.0.0.1"], "HOST:PORT"),
    "timeout zero": (["-t", "0", "localhost"], "timeout"),
    "timeout negative": (["-t", "-1", "localhost"], ""),
    "timeout a word": (["-t", "soon", "localhost"], "soon"),
    "timeout too long": (["-t", "61", "localhost"], "61"),
}

BAD_HAPROXY_ARGUMENTS = {
    "address empty": (["NOT_USED", "NOT_USED", "", "5432"], "address"),
    "port too large": (["NOT_USED", "NOT_USED", "127.0.0.1", "65536"], "65536"),
    "port a word": (["NOT_USED", "NOT_USED", "127.0.0.1", "abc"], "abc"),
    "port negative": (["NOT_USED", "NOT_USED", "127.0.0.1", "-5432"], "-5432"),
    "not a socket of PostgreSQL": (["NOT_USED", "NOT_USED", "/run/mysqld.sock", "NOT_USED"],
                                   "/run/mysqld.sock"),
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("arguments, word", BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS)
def test_bad_arguments_are_named(program, arguments, word):
    run = run_check(program, *arguments)
    assert_refused(run, f"{program}: ", word)


@pytest.mark.parametrize("arguments, word", BAD_HAPROXY_ARGUMENTS.values(),
                         ids=BAD_HAPROXY_ARGUMENTS)
def test_bad_arguments_are_named_in_haproxy_form_too(arguments, word):
    run = run_check("checkpgprimary", *arguments, env=haproxy_environment("127.0.0.1", 5432))
    assert_refused(run, "checkpgprimary: ", word)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("arguments", [
    ["postgresql://checkpg:hush@127.0.0.1:1/postgres"], ["postgres://127.0.0.1/?password=hush"],
    ["host=127.0.0.1 port=1 password=hush"], ["host=127.0.0.1", "password=hush"],
    ["-h", "host=127.0.0.1 password=hush"], ["-d", "password=hush", "127.0.0.1"],
    ["host=127.0.0.1", "port=1", "user=checkpg", "password=hush"]], ids=" ".join)
def test_a_connection_string_is_refused_without_a_word_of_it(program, arguments):
    run = run_check(program, *arguments)
    assert_refused(run, f"{program}: ", "write HOST:PORT instead")
    assert "hush" not in run.output


@pytest.mark.parametrize("program, code", [("checkpgprimary", Code.OK),
                                           ("checkpgstandby", Code.OTHER_ROLE)])
def test_the_port_may_stand_behind_the_host(primary, program, code):
    for host in (primary.address, "localhost", *(["[::1]"] if has_ipv6() else [])):
        run = run_check(program, f"{host}:{primary.port}", configuration="port = 1")
        assert (run.code, run.stderr) == (code, ""), run
        assert run.stdout.startswith(f"{host}:{primary.port}: "), run


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("option", ["-?", "--help"])
def test_help_lists_every_option(program, option):
    run = run_check(program, option)
    assert (run.code, run.stderr) == (Code.OK, "")
    for word in ("--host", "--port", "--username", "--dbname", "--timeout", "--quiet", "--verbose",
                 "--version", "--help", "--config", "--backend", "--json", "HOST", program):
        assert word in run.stdout


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version_names_the_libraries_too(program, option):
    run = run_check(program, option)
    assert (run.code, run.stderr) == (Code.OK, "")
    assert run.stdout.startswith(program)
    assert "libpq" in run.stdout and "OpenSSL" in run.stdout


def test_verbose_shows_the_steps(primary):
    run = run_check("checkpgprimary", "-v", primary.address, primary.port)
    assert (run.code, run.stderr) == (Code.OK, "")
    assert run.stdout.count("\n") > 3
    assert "primary" in run.stdout and "ms" in run.stdout and "checkpg" in run.stdout


def test_verbose_counts_more_than_a_second_in_seconds():
    with BlackHole() as nobody:
        run = run_check("checkpgprimary", "-v", "-t", "1.2", nobody.address, nobody.port)
    assert run.code == Code.TIMED_OUT
    assert re.search(r"^ +0\.\d ms  checkpgprimary asks ", run.stdout, re.M), run
    assert re.search(r"^ +\d\.\d\d s  exit code 3 ", run.stdout, re.M), run


@pytest.mark.parametrize("program, code", [("checkpgprimary", Code.OK),
                                           ("checkpgstandby", Code.OTHER_ROLE)])
def test_json_is_one_object(primary, program, code):
    run = run_check(program, "--json", primary.address, primary.port)
    assert (run.code, run.stderr) == (code, "")
    assert json.loads(run.stdout)["exit_code"] == code


def test_json_of_a_failure_is_one_object():
    run = run_check("checkpgprimary", "--json", "127.0.0.1", "1")
    assert (run.code, run.stderr) == (Code.UNREACHABLE, "")
    assert json.loads(run.stdout)["exit_code"] == Code.UNREACHABLE


def test_output_that_nobody_can_take_does_not_change_the_exit_code(primary):
    run = run_check("checkpgprimary", "-v", primary.address, primary.port,
                    prefix=["/bin/sh", "-c", 'exec "$0" "$@" > /dev/full'])
    assert run.code == Code.OK


def test_a_message_that_nobody_can_take_does_not_change_the_exit_code():
    run = run_check("checkpgprimary", "--colour",
                    prefix=["/bin/sh", "-c", 'exec "$0" "$@" 2> /dev/full'])
    assert run.code == Code.USAGE
