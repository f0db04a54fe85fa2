"""checkpgroutes --history: what HAProxy's ring and its log say of a real cluster's failover."""

import json
import re
import subprocess

import pytest
from harness import checks, haproxy, ports, scratch
from harness.checks import run_check
from harness.haproxy import HAProxy
from harness.postgres import Server
from harness.waiting import wait_for
from stats_sockets import StatsSocket, saying

OK, UNKNOWN = 0, 3
RING = ["log ring@checkpg local0 notice", "ring checkpg", "format timed", "maxlen 1200",
        "size 1048576"]
#: Why a server is down that was stopped; the second one if that was during a check.
GONE = "(?:unreachable|unexpected answer)"
DEAD = "Server PostgresReadWrite-backend/db1 is DOWN."


def history(*options, **how):
    return run_check("checkpgroutes", "--history", *options, **how)


def from_ring(proxy, *options):
    """What --json says of the ring."""
    result = history("--json", "--socket", proxy.socket, *options)
    assert (result.code, result.stderr) == (OK, ""), result.stdout
    return json.loads(result.stdout)


def from_text(text, *options):
    """What is said of a log on standard input: (exit code, output, standard error)."""
    command = [str(checks.executable("checkpgroutes")), "--history", "-", *options]
    done = subprocess.run(command, input=text.encode(errors="surrogateescape"), capture_output=True,
                          timeout=30)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def changes(found, role):
    return [(event["server"], event["state"], event["reason"]) for event in found["events"]
            if event["role"] == role]


@pytest.fixture(scope="module")
def failed_over():
    """A HAProxy with a ring that has seen a failover from `one` to `two`."""
    with (Server("one").create() as one, Server("two").create_standby(of=one) as two,
          HAProxy([one, two], interval=0.5, global_lines=RING,
                  backend_lines=["option log-health-checks"]) as proxy):
        proxy.wait_for_routes(readwrite=["one"], readonly=["two"])
        one.stop("immediate")
        proxy.wait_for_routes(readwrite=[], readonly=["two"])
        two.promote()
        proxy.wait_for_routes(readwrite=["two"], readonly=[])
        yield proxy


@pytest.mark.versions("checkpgroutes")
def test_a_failover_in_haproxys_ring(failed_over):
    found = from_ring(failed_over)
    gap, = found["without_primary"]
    assert re.fullmatch(GONE, gap["reason"])
    failover_itself = [("one", "down", gap["reason"]), ("two", "up", "primary")]
    assert changes(found, "read-write") in (
        [("one", "up", "primary"), ("two", "down", "standby"), *failover_itself], failover_itself)
    assert changes(found, "read-only")[-1] == ("two", "down", "primary")
    failover, = found["failovers"]
    assert (failover["from"], failover["to"]) == ("one", "two")
    assert (gap["left"], gap["took_over"]) == ("one", "two")
    assert gap["milliseconds"] == failover["milliseconds"] > 0
    assert found["started"] <= found["begins"] <= found["ends"]


def test_the_failover_in_words(failed_over):
    result = history("--socket", failed_over.socket)
    assert (result.code, result.stderr) == (OK, "")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["TIME", "SERVER", "FOR", "STATE", "REASON", "BEFORE"]
    time = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"
    assert re.search(rf"^{time}  one +read-write  DOWN   {GONE} +UP for ", result.stdout, re.M)
    assert re.search(rf"^failover:   one -> two, [\d.]+ m?s from {time} to {time}$", result.stdout, re.M)
    assert re.search(rf"^no primary: [\d.]+ m?s from {time} to {time}: one: {GONE}$",
                     result.stdout, re.M)
    assert lines[-1].startswith("note:       HAProxy's ring 'checkpg' goes back to ")
    later = history("--socket", failed_over.socket, "--since", "2099-01-01").stdout
    assert "UP" not in later and "failover:   none" in later


def test_the_log_says_the_same_as_the_ring(failed_over):
    ring = from_ring(failed_over)
    lines = "".join(f"2026-11-26T03:12:0{min(i, 9)}+00:00 router1 haproxy[7]: {line}\n"
                    for i, line in enumerate(failed_over.log()) if "server" in line.lower())
    log = scratch.directory("log") / "haproxy.log"
    log.write_text(lines)
    for found in (json.loads(history(str(log), "--json").stdout),
                  json.loads(from_text(lines, "--json")[1])):
        for role in ("read-write", "read-only"):
            assert changes(found, role) == changes(ring, role)
        assert [(one["from"], one["to"]) for one in found["failovers"]] == [("one", "two")]


def test_journalctl_prints_the_same(failed_over):
    """The short forms of a journal; its own file can't be made here without its daemon."""
    ring = from_ring(failed_over)
    told = [line for line in failed_over.log() if "server" in line.lower()]
    for time in ("Nov 26 03:12:04", "2026-11-26T03:12:04+0000", "Thu 2026-11-26 03:12:04 UTC",
                 "1795662724.318456"):
        text = "".join(f"{time} router1 haproxy[7]: {line}\n" for line in told)
        code, said, _ = from_text("-- Logs begin at Thu 2026-11-26 --\n" + text, "--json")
        assert code == OK
        assert changes(json.loads(said), "read-write") == changes(ring, "read-write")


def test_maintenance(failed_over):
    failed_over.command("set server PostgresReadWrite-backend/two state maint")
    wait_for(lambda: changes(from_ring(failed_over), "read-write")[-1] == ("two", "down", "in maintenance"),
             "HAProxy to do it")  # a newer one not at once
    assert "until now" in history("--socket", failed_over.socket).stdout
    failed_over.command("set server PostgresReadWrite-backend/two state ready")
    wait_for(lambda: from_ring(failed_over)["without_primary"][-1]["end"], "the end of it")


def test_a_reload_empties_the_ring(failed_over):
    failed_over.reload()
    wait_for(lambda: ("one", "down", "unreachable") in changes(from_ring(failed_over), "read-write"),
             "the new process to check")
    found = from_ring(failed_over)
    assert found["failovers"] == found["without_primary"] == []
    assert "was started or reloaded at" in found["notes"][0]


# What can't be read


def refused(result):
    assert (result.code, result.stderr) == (UNKNOWN, "")
    line, = result.stdout.splitlines()
    return line


def one_dead_server(*global_lines):
    dead = haproxy.Target("db1", "127.0.0.1", ports.free_port())
    return HAProxy([dead], global_lines=global_lines)


def test_haproxy_has_no_ring():
    with one_dead_server() as proxy:
        line = refused(history("--socket", proxy.socket))
        assert line == (f"UNKNOWN: {proxy.socket}: HAProxy has no ring 'checkpg': checkpgroutes(1) says "
                        "how to set it up under HISTORY; --history FILE reads a log")
        found = json.loads(history("--json", "--socket", proxy.socket).stdout)
        assert (found["state"], found["events"]) == ("unknown", [])
        assert found["summary"] in line


def test_a_ring_without_times():
    with one_dead_server(*RING[:2], "format short") as proxy:
        proxy.wait_for_routes(readwrite=[], readonly=[])
        assert "has no times, as 'format timed' in its section" in refused(
            history("--socket", proxy.socket))


def test_a_socket_of_too_low_a_level():
    port = ports.free_port()
    with one_dead_server(f"stats socket ipv4@127.0.0.1:{port} level user", *RING) as proxy:
        proxy.wait_for_routes(readwrite=[], readonly=[])
        assert refused(history("--socket", f"127.0.0.1:{port}")).endswith(
            "HAProxy shows its ring from level operator on: see 'stats socket'")


def test_a_haproxy_that_has_no_rings():
    with StatsSocket(saying("Unknown command. Please enter one of the following commands only :\n")) as old:
        assert "this HAProxy has no rings" in refused(history("--socket", old.path))


def test_haproxy_is_stopped():
    assert "HAProxy is stopped" in refused(history("--socket", "/nonexistent/stats"))


@pytest.mark.parametrize("content, words", [
    (b"", "nothing is in it"),
    (b"\n\n", "nothing is in it"),
    (f"{DEAD}\n".encode(), "no line of it begins with a time"),
    (bytes(range(256)) * 4096, "no line of it begins with a time"),
    (b"\x1f\x8b\x08\x00", "compressed: unpack it first, into 'checkpgroutes --history -'")])
def test_a_file_that_is_no_log(content, words):
    file = scratch.directory("log") / "file"
    file.write_bytes(content)
    line = refused(history(str(file)))
    assert line.startswith(f"UNKNOWN: {file}: {words}")


@pytest.mark.parametrize("path, words", [
    ("/nonexistent/log", "No such file or directory"), ("/etc", "neither a file nor a pipe"),
    ("/dev/zero", "neither a file nor a pipe")])
def test_what_is_no_file(path, words):
    assert refused(history(path)) == f"UNKNOWN: {path}: {words}"


def test_a_log_that_breaks_off_and_one_with_endless_lines():
    begun = f"2026-11-26T03:12:04Z {DEAD}"
    for rest in ("", "\n2026-11-26T03:1", "\n" + "x" * 10_000_000, "\n" + "\0" * 100_000):
        code, said, _ = from_text(begun + rest, "--json")
        assert code == OK
        assert changes(json.loads(said), "read-write") == [("db1", "down", None)]


def test_a_log_that_is_about_other_backends():
    code, said, _ = from_text("2026-11-26T03:12:04Z Server crm/app1 is DOWN.\n")
    assert code == OK
    assert "nothing is about a backend that is named; there is: crm" in said
    code, said, _ = from_text("2026-11-26T03:12:04Z Server crm/app1 is DOWN.\n", "--read-write", "crm")
    assert "app1" in said.splitlines()[1]


def test_years_of_flapping():
    lines = "".join(f"{1700000000 + i}.5 router1 haproxy[1]: Server PostgresReadWrite-backend/db1 is "
                    f"{'UP' if i % 2 else 'DOWN'}.\n" for i in range(150_000))
    code, said, _ = from_text(lines, "--since", "2023-11-16T00:00:00Z")
    assert code == OK
    assert "the oldest changes are left out" in said
