"""The demo itself; tests/demo installs and builds what it needs and then runs it.

Everything belongs to the harness, which ends and removes it whatever happens: PostgreSQL servers
and HAProxy with ports, directories and sockets of their own.
"""

import secrets
import shutil
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

from harness import checks, scratch
from harness.haproxy import PROGRAM_OF, READ_ONLY, READ_WRITE, HAProxy
from harness.postgres import ROLE, Server, hba_lines
from harness.waiting import wait_for

APPLICATION = "app"
PASSWORDS = {ROLE: secrets.token_hex(8), APPLICATION: secrets.token_hex(8)}

#: How often HAProxy asks each server, and how long an answer may take: less than that.
INTERVAL, TIMEOUT = "500ms", "400ms"
PEER_TIMEOUT = "150ms"

SECONDS_TO_NOTICE = 20


def heading(text):
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def say(text):
    print(text, flush=True)


def explain(text):
    say(textwrap.fill(" ".join(text.split()), 96))


def make_cluster():
    """A primary db1 and its standbys db2 and db3, with SCRAM passwords for both roles."""
    heading("A primary and two standbys, thrown away at the end")
    hba = [line for role in PASSWORDS for line in hba_lines("scram-sha-256", role=role)]
    # As in production, a commit has reached the log when the client hears of it.
    settings = {"synchronous_commit": "on"}
    primary, *standbys = [Server(name, hba=hba, settings=settings)
                          for name in ("db1", "db2", "db3")]
    primary.create()
    primary.set_password(PASSWORDS[ROLE])
    primary.sql(f"""
        CREATE ROLE {APPLICATION} LOGIN PASSWORD '{PASSWORDS[APPLICATION]}';
        CREATE TABLE visit (server text DEFAULT current_setting('cluster_name'));
        GRANT SELECT, INSERT ON visit TO {APPLICATION}""")
    for standby in standbys:
        standby.create_standby(of=primary)
        standby.wait_for_replay()
    for server in (primary, *standbys):
        role = "standby of db1" if server.is_in_recovery() else "primary"
        say(f"{server.name}  {server.address}:{server.port}  {role}")
    explain(f"PostgreSQL {primary.sql('SHOW server_version')}. The checks log in as {ROLE}, a role "
            "with a SCRAM password and no rights.")
    return primary, *standbys


def start_haproxy(servers):
    """HAProxy in a jail, with both backends over all servers."""
    heading("HAProxy in front of them")
    proxy = HAProxy(servers, chroot=True, interval=INTERVAL, files={
        "checkpg.conf": "", "pgpass": f"*:*:*:{ROLE}:{PASSWORDS[ROLE]}\n"})
    proxy.write_file("checkpg.conf", textwrap.dedent(f"""\
        timeout = {TIMEOUT}
        [{READ_WRITE}-backend]
        peers = haproxy
        haproxy-socket = {proxy.socket_of_checks}
        peer-timeout = {PEER_TIMEOUT}
        """))
    proxy.start()
    version = proxy.show_info()["Version"]
    explain(f"HAProxy {version} asks every server every {INTERVAL}, for each backend by running a "
            "program:")
    for name, program in PROGRAM_OF.items():
        say(f"{name + '-frontend':27}bind 127.0.0.1:{proxy.ports[name]}\n"
            f"{name + '-backend':27}external-check command /{program}")
    jail = sorted(path.relative_to(proxy.root) for path in proxy.root.rglob("*") if path.is_file())
    explain(f"""HAProxy runs in a jail (chroot), so the checks do, too: it holds
            {', '.join(map(str, jail))}, and no library and no shell. The static executables need
            none, and /etc/checkpg of this machine is neither read nor changed.""")
    return proxy


def show_routes(proxy):
    heading("What HAProxy routes where")
    # An empty configuration: this machine's may name other backends.
    result = checks.run_check("checkpgroutes", "--socket", proxy.socket)
    say(f"$ checkpgroutes --socket {proxy.socket}\n{result.output.rstrip()}")


def show_terminal(proxy, servers):
    """The same check as a DBA runs it: here in the jail, whose configuration it shares."""
    for server in servers:
        arguments = ("--backend", f"{READ_WRITE}-backend", f"{server.address}:{server.port}")
        result = checks.run_check("/checkpgprimary", *arguments,
                                  prefix=("/usr/sbin/chroot", proxy.root),
                                  env={"CHECKPG_CONFIG": "/etc/checkpg/checkpg.conf"})
        say(f"$ checkpgprimary {' '.join(arguments)}\n{result.output.rstrip()}\n"
            f"$ echo $?\n{result.code}")


def write(proxy):
    """Writes through the read-write frontend and returns the name of the server that did it."""
    return proxy.query(READ_WRITE, "INSERT INTO visit DEFAULT VALUES RETURNING server",
                       user=APPLICATION, password=PASSWORDS[APPLICATION])


def read(proxy):
    """Reads through the read-only frontend: which server answered, and what it knows."""
    return proxy.query(READ_ONLY, "SELECT current_setting('cluster_name') || ' (rows: ' ||"
                       " count(*) || ')' FROM visit",
                       user=APPLICATION, password=PASSWORDS[APPLICATION])


def show_queries(proxy, standbys):
    heading("A query through each frontend")
    say(f"INSERT through {READ_WRITE}-frontend: done by {write(proxy)}")
    for standby in standbys:
        standby.wait_for_replay()
    for _ in standbys:
        say(f"SELECT through {READ_ONLY}-frontend: answered by {read(proxy)}")


def can_write(proxy):
    try:
        return write(proxy)
    except subprocess.CalledProcessError:
        return None


def fail_over(proxy, primary, successor, follower):
    """Stops the primary, promotes a standby and shows how long the routes took to move."""
    heading(f"{primary.name} stops")
    begin = time.monotonic()
    primary.stop()
    proxy.wait_for_routes(readwrite=[], readonly=[successor.name, follower.name])
    seconds = time.monotonic() - begin
    explain(f"""{seconds:.2f} s after its shutdown began, {READ_WRITE}-backend routes to nobody.
            Reads go on: a SELECT was answered by {read(proxy)}.""")

    heading(f"{successor.name} is promoted")
    begin = time.monotonic()
    with ThreadPoolExecutor() as pool:
        promotion = pool.submit(successor.promote)
        writer = wait_for(lambda: can_write(proxy), "a write through the read-write frontend",
                          SECONDS_TO_NOTICE)
        seconds = time.monotonic() - begin
        promotion.result()
    explain(f"""{seconds:.2f} s after pg_promote() was called, an INSERT through
            {READ_WRITE}-frontend succeeded, done by {writer}. Part of it is waiting for
            HAProxy's next check of {successor.name}, at worst {INTERVAL}.""")
    follower.follow(successor)
    proxy.wait_for_routes(readwrite=[successor.name], readonly=[follower.name])
    say(f"{follower.name} follows {successor.name} from now on.")


def split_brain(proxy, old, current):
    """Starts the old primary again, which still takes itself for one, and stops it at last."""
    heading(f"{old.name} starts again, and is a primary, too")
    refused = ("DOWN", "PROCERR", 7)
    begin = time.monotonic()
    old.start()
    wait_for(lambda: [proxy.results(READ_WRITE)[server.name] for server in (old, current)]
             == [refused, refused], "both to be refused", SECONDS_TO_NOTICE)
    seconds = time.monotonic() - begin
    proxy.wait_for_results(READ_ONLY, {**proxy.results(READ_ONLY), old.name: ("DOWN", "PROCERR", 1)})
    explain(f"""{seconds:.2f} s later {READ_WRITE}-backend routes to nobody. A server
            that says it is the primary is believed only if none of its peers says the same; `peers =
            haproxy` in checkpg.conf means all servers that HAProxy has in this backend.""")
    show_routes(proxy)
    if can_write(proxy):
        raise RuntimeError("a write was accepted beside a second primary")
    say(f"\nINSERT through {READ_WRITE}-frontend: refused")
    old.stop()
    proxy.wait_for_results(READ_WRITE, {**proxy.results(READ_WRITE),
                                        old.name: ("DOWN", "PROCERR", 2),
                                        current.name: ("UP", "PROCOK", 0)})
    say(f"{old.name} is stopped: an INSERT is done by {write(proxy)} again.")


#: A number may be another process's by now: HAProxy has the directory in its arguments, and so has a
#: server, or it works in its data directory, whoever started it. (That is not for everybody to see.)
STOP = """\
#!/bin/sh
# Ends the demo that was left running here, and removes it.
here={directory}
haproxy() {{
    if grep -qsF "$here" /proc/{haproxy}/cmdline; then echo {haproxy}; fi
}}
servers() {{
    for file in "$here"/*/data/postmaster.pid; do
        pid=$(head -n 1 "$file" 2>/dev/null)
        [ -n "$pid" ] || continue
        if grep -qsF "${{file%/*}}" "/proc/$pid/cmdline" || [ "/proc/$pid/cwd" -ef "${{file%/*}}" ]; then
            echo "$pid"
        fi
    done
}}
while
    for pid in $(haproxy); do kill -s TERM "$pid"; done
    for pid in $(servers); do kill -s INT "$pid"; done
    [ -n "$(haproxy; servers)" ]
do sleep 0.1; done
rm -rf "$here"
"""


def commands_to_try(proxy, primary, standby):
    """What each is for, and the command: in this order they are a failover and a split brain."""
    control = f"{primary.bin}/pg_ctl -D {primary.data}"
    return {
        "what HAProxy routes where, and why (--watch looks again and again)":
            f"{checks.executable('checkpgroutes')} --socket {proxy.socket}",
        f"each step of HAProxy's check of {primary.name}":
            f"chroot {proxy.root} /checkpgprimary -v --backend {READ_WRITE}-backend"
            f" {primary.address}:{primary.port}",
        f"stop the primary, {primary.name}": f"su - postgres -c '{control} stop'",
        f"promote the standby, {standby.name}":
            f"psql -h {standby.socket_directory} -p {standby.port} -U postgres -c 'SELECT pg_promote()'",
        f"start {primary.name}: then there are two primaries, until one is stopped":
            f"su - postgres -c '{control} -l {primary.log_file} start'",
    }


def leave_running(proxy, servers, primary, standby):
    """Prints how to connect and what to try, and writes a script that ends everything."""
    running = [server for server in servers if server.is_running()]
    for server in servers:  # so that it can be started by hand
        shutil.chown(server.log_file, "postgres")
    directory = scratch.leave_running()
    stop = directory / "stop"
    stop.write_text(STOP.format(directory=directory, haproxy=proxy.pid))
    stop.chmod(0o755)
    heading("Left running")
    for name, what in ((READ_WRITE, "writes"), (READ_ONLY, "reads ")):
        say(f"{what}   psql 'host=127.0.0.1 port={proxy.ports[name]} dbname=postgres "
            f"user={APPLICATION} password={PASSWORDS[APPLICATION]}'")
    for server in running:
        say(f"{server.name}      psql -h {server.socket_directory} -p {server.port} -U postgres")
    say(f"HAProxy  {proxy.configuration_file}, statistics socket {proxy.socket}")
    say(f"end it   {stop}")
    say("\nTo try, as root:")
    for what, command in commands_to_try(proxy, primary, standby).items():
        say(f"  {what}\n    {command}")


def demonstrate(keep):
    primary, successor, follower = servers = make_cluster()
    proxy = start_haproxy(servers)
    proxy.wait_for_routes(readwrite=[primary.name], readonly=[successor.name, follower.name])
    show_routes(proxy)
    heading("The same check at a terminal")
    show_terminal(proxy, [primary, successor])
    show_queries(proxy, [successor, follower])
    fail_over(proxy, primary, successor, follower)
    show_routes(proxy)
    show_queries(proxy, [follower])
    split_brain(proxy, primary, successor)
    if keep:
        leave_running(proxy, servers, primary=successor, standby=follower)
        return
    scratch.clean_up()
    say("\nEverything is stopped and removed.")


def main(keep):
    scratch.end_on_signals()
    try:
        demonstrate(keep)
    except KeyboardInterrupt:
        say("\ninterrupted: stopping and removing everything")
        return 130
    except Exception as error:
        notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))
        print(f"\nthe demo failed: {error}{notes}", file=sys.stderr)
        return 1
    return 0


sys.exit(main("--keep" in sys.argv[1:]))
