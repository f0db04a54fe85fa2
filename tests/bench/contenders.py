"""Who is compared: each can build, for a server and a way to log in, the command that asks."""

import os
import textwrap
from dataclasses import dataclass
from pathlib import Path

from harness import certificates, checks, postgres, scratch
from measuring import Command, helper

NAME = "db1.example"
PASSWORD = "a-password-of-24-letters"


@dataclass(frozen=True)
class Way:
    """A way to log in. `libpq` are the connection keywords it takes."""
    name: str
    libpq: dict

    @property
    def has_password(self):
        return "password" in self.libpq


class Ways:
    """Configures a server for one way after the other. Keys and certificates are made once."""

    #: By name, in the order of the page.
    NAMES = ("trust", "SCRAM", "TLS + SCRAM, P-256", "TLS + SCRAM, RSA-2048", "mTLS, P-256",
             "mTLS, RSA-2048")

    def __init__(self, server):
        self._server = server
        self._authorities = {}
        server.set_password(PASSWORD)

    def enter(self, name):
        """Lets the checks' role in by this way, and no other. Returns a Way."""
        if name == "trust":
            return self._plain(name, "trust")
        if name == "SCRAM":
            return self._plain(name, "scram-sha-256", password=PASSWORD)
        way, key = name.split(", ")
        return self._tls(name, way == "mTLS", *self._authority(key))

    def _plain(self, name, method, **keywords):
        self._server.use_certificate(None)
        self._server.authenticate(method)
        return Way(name, keywords)

    def _tls(self, name, mutual, authority, server, client):
        self._server.use_certificate(server, authority)
        self._server.authenticate("cert" if mutual else "scram-sha-256", connection="hostssl")
        keywords = {"sslmode": "verify-full", "sslrootcert": str(authority.certificate)}
        if mutual:
            return Way(name, {**keywords, "sslcert": str(client.certificate),
                              "sslkey": str(client.key)})
        return Way(name, {**keywords, "password": PASSWORD})

    def _authority(self, key):
        if key not in self._authorities:
            authority = certificates.Authority(key=key)
            self._authorities[key] = (authority, authority.issue("server", names=[NAME]),
                                      authority.issue(postgres.ROLE))
        return self._authorities[key]


def floor(server, _way):
    return Command([helper("bench_floor"), server.address, str(server.port)], {})


def ours(server, way, *, executable=None, configuration=""):
    """checkpgprimary as HAProxy runs it, with the example file and what the way needs before it."""
    keywords = "".join(f"{key} = {value}\n" for key, value in way.libpq.items()
                       if key != "password")
    example = (checks.REPOSITORY / "docs/examples/checkpg.conf").read_text()
    path = checks.write_configuration(
        "timeout = 60s\n" + keywords + configuration + example,
        passwords=f"*:*:*:*:{PASSWORD}\n" if way.has_password else None)
    environment = {**checks.haproxy_environment(server.address, server.port, server=NAME),
                   "CHECKPG_CONFIG": str(path)}
    return Command([str(executable or checks.executable("checkpgprimary")), "NOT_USED", "NOT_USED",
                    server.address, str(server.port)], environment)


def jail_files(way, configuration):
    """/etc/checkpg for HAProxy's checks, by name, with what the way needs. The name of a server
    there is not the certificate's."""
    files, lines = {}, []
    for key, value in way.libpq.items():
        if key == "password":
            files["pgpass"] = f"*:*:*:*:{value}\n"
        elif key == "sslmode":
            lines.append("sslmode = verify-ca")
        else:
            files[key] = Path(value).read_text()
            lines.append(f"{key} = /etc/checkpg/{key}")
    return {"checkpg.conf": "\n".join([*lines, configuration]), **files}


def with_keep(files):
    """The same, connections kept."""
    return {**files, "checkpg.conf": f"keep = 60s\n{files['checkpg.conf']}"}


def ours_kept(server, way):
    """A check that finds the connection of an earlier one."""
    return ours(server, way, configuration="keep = 1h\n")


def ours_dynamic(server, way):
    return ours(server, way,
                executable=Path(os.environ["CHECKPG_BENCH_DYNAMIC_BIN"]) / "checkpgprimary")


def psql_script_text(way):
    """A check as sites write it: psql in a shell script, called by HAProxy."""
    conninfo = " ".join(f"{key}={value}" for key, value in _conninfo(way).items())
    return textwrap.dedent(f"""\
        #!/bin/bash
        answer=$({postgres.bin_directory()}/psql -X -A -t -q -w -d "{conninfo} \\
            host={NAME} hostaddr=$3 port=$4" -c 'SELECT pg_catalog.pg_is_in_recovery()')
        [ "$answer" = f ]
        """)


def psql_script(server, way):
    return Command([_script("psql.sh", psql_script_text(way)), "NOT_USED", "NOT_USED",
                    server.address, str(server.port)], {"PATH": os.defpath})


def psycopg2_script(server, way):
    keywords = "".join(f", {key}={value!r}" for key, value in _conninfo(way).items())
    text = textwrap.dedent(f"""\
        #!/usr/bin/python3
        import sys
        import psycopg2
        connection = psycopg2.connect(
            host={NAME!r}, hostaddr=sys.argv[3], port=sys.argv[4]{keywords})
        cursor = connection.cursor()
        cursor.execute("SELECT pg_catalog.pg_is_in_recovery()")
        sys.exit(cursor.fetchone()[0])
        """)
    return Command([_script("with_psycopg2.py", text), "NOT_USED", "NOT_USED", server.address,
                    str(server.port)], {"PATH": os.defpath})


def curl_script(api_port):
    """A check that asks Patroni's REST API, which answers 200 for the primary and 503 else."""
    text = textwrap.dedent("""\
        #!/bin/bash
        answer=$(curl -s -o /dev/null -w '%{http_code}' "http://$3:$4/primary")
        [ "$answer" = 200 ]
        """)
    return Command([_script("curl.sh", text), "NOT_USED", "NOT_USED", "127.0.0.1", str(api_port)],
                   {"PATH": os.defpath})


#: Those that log in to PostgreSQL, by the name the page gives them; the floor only by trust.
CONTENDERS = {
    "floor": floor,
    "checkpgprimary": ours,
    "checkpgprimary, kept": ours_kept,
    "checkpgprimary, dynamic": ours_dynamic,
    "psql in a shell script": psql_script,
    "python3 + psycopg2": psycopg2_script,
}
FLOOR, OURS, KEPT, DYNAMIC, PSQL, PSYCOPG2 = CONTENDERS


def _conninfo(way):
    """In a script the password comes from a file, too."""
    keywords = {"user": postgres.ROLE, "dbname": "postgres", **way.libpq}
    if keywords.pop("password", None):
        file = scratch.directory("passwords") / "pgpass"
        file.write_text(f"*:*:*:*:{PASSWORD}\n")
        file.chmod(0o600)
        keywords["passfile"] = str(file)
    return keywords


def _script(name, text):
    path = scratch.directory("script") / name
    path.write_text(text)
    path.chmod(0o755)
    return str(path)
