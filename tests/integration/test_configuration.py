"""checkpg.conf: what is read, what is refused, and that a bad one never makes a check hang."""

import os
import subprocess

import pytest
from harness import abilities, scratch
from harness.checks import (Code, ask, public_copy, run_as_haproxy, run_check,
                            write_configuration)

PROGRAMS = ["checkpgprimary", "checkpgstandby"]


def write(data, name="checkpg.conf", mode=0o600):
    """A file with exactly these bytes."""
    path = scratch.directory("configuration") / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    path.chmod(mode)
    return path


def run_with(path, *, form="haproxy", program="checkpgprimary"):
    """Runs a check with this configuration file, named in the one way or the other. Nobody
    listens on the server's port 1."""
    if form == "haproxy":
        return run_as_haproxy(program, "127.0.0.1", 1, env={"CHECKPG_CONFIG": path})
    return run_check(program, "--config", path, "127.0.0.1", "1")


def assert_refused(run, *words):
    """Exit code 78 and one line on stderr that says these words."""
    assert (run.code, run.stdout) == (Code.CONFIGURATION, ""), run
    assert run.stderr.count("\n") == 1 and run.stderr.endswith("\n"), run.stderr
    for word in words:
        assert str(word) in run.stderr


BAD_LINES = {
    "unknown key": ("colour = blue", "colour"),
    "misspelt key": ("usr = checkpg", "usr"),
    "key with a capital": ("User = checkpg", "User"),
    "no equals sign": ("user checkpg", ""),
    "no key": ("= checkpg", ""),
    "section not closed": ("[PostgresReadWrite-backend", ""),
    "section without name": ("[]", ""),
    "quote not closed": ('user = "checkpg', ""),
    "timeout zero": ("timeout = 0", "timeout"),
    "timeout negative": ("timeout = -1s", "timeout"),
    "timeout too long": ("timeout = 61s", "timeout"),
    "timeout without number": ("timeout = soon", "timeout"),
    "timeout of an unknown unit": ("timeout = 3 apples", "timeout"),
    "timeout empty": ("timeout =", "timeout"),
    "port zero": ("port = 0", "port"),
    "port too large": ("port = 65536", "port"),
    "port a word": ("port = abc", "port"),
    "several hosts": ("host = a,b", "host"),
    "hostaddr a name": ("hostaddr = db1", "hostaddr"),
    "another server by service": ("service = other", "service"),
    "another question": ("target_session_attrs = standby", "target_session_attrs"),
    "replication": ("replication = database", "replication"),
    "user empty": ("user =", "user"),
    "dbname empty": ("dbname =", "dbname"),
}


@pytest.mark.parametrize("line, key", BAD_LINES.values(), ids=BAD_LINES)
@pytest.mark.parametrize("section", ["", "[PostgresReadWrite-backend]"])
def test_a_bad_line_is_named_by_file_and_line(section, line, key):
    path = write(f"# a comment\n{section}\n{line}\n")
    assert_refused(run_with(path), "checkpgprimary: ", f"{path}:3", key)


# libpq says so only when it is about to connect: the key is named, its line is not.
BAD_VALUES = {"sslmode": "perhaps", "gssencmode": "maybe", "channel_binding": "sometimes",
              "ssl_min_protocol_version": "TLSv7"}


@pytest.mark.parametrize("key, value", BAD_VALUES.items())
def test_a_value_libpq_does_not_know_is_named(key, value):
    run = run_with(write(f"{key} = {value}\n"))
    assert_refused(run, key, value)


def test_the_same_key_twice():
    path = write("user = a\nport = 1\nuser = b\n")
    assert_refused(run_with(path), f"{path}:3", "user")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("form", ["haproxy", "manual"])
def test_a_file_that_does_not_exist(form, program):
    path = scratch.directory("nothing") / "checkpg.conf"
    assert_refused(run_with(path, form=form, program=program), f"{program}: ", path)


@pytest.mark.parametrize("form", ["haproxy", "manual"])
def test_a_directory(form):
    path = scratch.directory("checkpg.conf")
    assert_refused(run_with(path, form=form), path)


@pytest.mark.parametrize("form", ["haproxy", "manual"])
def test_a_fifo_nobody_writes_to(form):
    path = scratch.directory("configuration") / "checkpg.conf"
    os.mkfifo(path)
    assert_refused(run_with(path, form=form), path)


def test_a_device_without_end():
    assert_refused(run_with("/dev/zero"), "/dev/zero")


def test_a_file_below_a_file():
    path = write("") / "checkpg.conf"
    assert_refused(run_with(path), path)


def test_a_file_that_may_not_be_read():
    abilities.require_root("becoming another user")
    path = write("user = checkpg\n", mode=0o600)
    run = run_as_nobody(path)
    assert_refused(run, path)


def test_ten_megabytes():
    path = write(b"# a long comment\n" * (10 * 2**20 // 17))
    run = run_with(path)
    assert_refused(run, path)
    path = write(b"#" + b"x" * 10 * 2**20)
    assert_refused(run_with(path), path)


def test_ten_thousand_comment_lines_are_read(primary):
    path = write("# a comment\n" * 10000 + f"port = {primary.port}\n")
    run = run_check("checkpgprimary", "--config", path, primary.address)
    assert run.code == Code.OK


@pytest.mark.parametrize("data", [
    bytes(range(256)) * 16, b"user = check\0pg\n", b"\x7fELF" + bytes(64),
    b"\xff\xfeu\0s\0e\0r\0=\0a\0\n\0"],
    ids=["all bytes", "a NUL", "an executable", "UTF-16"])
def test_bytes_that_are_no_text(data):
    path = write(data)
    assert_refused(run_with(path), path)
    assert run_with(path).stderr.rstrip("\n").isprintable()


GOOD_FILES = {
    "empty": "",
    "line ends of Windows": "# one\r\nport = {port}\r\n[PostgresReadWrite-backend]\r\n"
                            "user = checkpg\r\n",
    "a byte order mark": "\ufeffport = {port}\n",
    "a byte order mark before a section": "\ufeff[PostgresReadWrite-backend]\nport = {port}\n",
    "no line end at the end": "\nport = {port}",
    "blanks everywhere": "\n\n \t port \t = \t {port} \t \n  \n",
    "no blanks": "port={port}\nuser=checkpg\n",
    "quotes": "user = \"checkpg\"\ndbname = 'postgres'\nport = {port}\n",
    "comments": "# one\n; two\nport = {port} # three\n",
    "a unit with a blank": "timeout = 1500 ms\nport = {port}\n",
    "another backend's section": "port = {port}\n[Somebody]\nport = 1\nuser = nobody\n",
}


@pytest.mark.parametrize("text", GOOD_FILES.values(), ids=GOOD_FILES)
def test_a_good_file_is_read_right(primary, text):
    traffic_port = 1 if "{port}" in text else primary.port
    path = write(text.format(port=primary.port))
    run = run_as_haproxy("checkpgprimary", primary.address, traffic_port,
                         env={"CHECKPG_CONFIG": path})
    assert run.outcome == (Code.OK, "")


def test_broken_syntax_in_the_section_of_another_backend_is_refused_too():
    path = write("[Other]\nthis is no line\n")
    assert_refused(run_with(path), f"{path}:2")


class TestPrecedence:
    """Command line before section before global part before what HAProxy said."""

    def ask(self, primary, configuration, *options):
        run = run_check("checkpgprimary", *options, "--backend", "rw", primary.address,
                        primary.port, configuration=configuration)
        return run.code

    @pytest.fixture(autouse=True)
    def known_roles_only(self, primary):
        primary.authenticate("trust")

    def test_the_section_beats_the_global_part(self, primary):
        assert self.ask(primary, "user = nobody\n[rw]\nuser = checkpg\n") == Code.OK
        assert self.ask(primary, "user = checkpg\n[rw]\nuser = nobody\n") == Code.ACCESS_DENIED

    def test_the_command_line_beats_the_section(self, primary):
        assert self.ask(primary, "[rw]\nuser = nobody\n", "-U", "checkpg") == Code.OK
        assert self.ask(primary, "[rw]\nuser = checkpg\n", "-U", "nobody") == Code.ACCESS_DENIED

    def test_the_config_option_beats_the_environment(self, primary):
        good = write_configuration("user = checkpg\n")
        bad = write("colour = blue\n")
        for option, variable, code in ((good, bad, Code.OK), (bad, good, Code.CONFIGURATION)):
            run = run_check("checkpgprimary", "--config", option, primary.address, primary.port,
                            env={"CHECKPG_CONFIG": variable})
            assert run.code == code


def test_the_default_file_may_be_missing(primary):
    abilities.require_no_etc_checkpg()
    run = ask("checkpgprimary", primary, env={"CHECKPG_CONFIG": ""})
    assert run.outcome == (Code.OK, "")


def test_a_message_shows_no_secret():
    path = write("password = hush-hush\ncolour = blue\n")
    run = run_with(path)
    assert_refused(run, "colour")
    assert "hush-hush" not in run.output
    path = write("password 'hush-hush'\n")
    assert "hush-hush" not in run_with(path).output


def run_as_nobody(path):
    """Runs a check as a user to whom the file doesn't belong."""
    for directory in (path.parent, path.parent.parent):
        directory.chmod(0o755)
    prefix = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if subprocess.run([*prefix, "/bin/true"], capture_output=True).returncode:
        abilities.cannot("setpriv doesn't work here")
    return run_check(public_copy("checkpgprimary"), "NOT_USED", "NOT_USED", "127.0.0.1", "1",
                     prefix=prefix, env={"CHECKPG_CONFIG": path})
