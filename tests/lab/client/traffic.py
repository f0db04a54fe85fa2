#!/usr/bin/python3
"""An application: opens a new connection every so often, and tells what became of each.

Usage: traffic.py write|read HOST PORT EVERY RUN   or   traffic.py watch EVERY NAME=ADDRESS...
       traffic.py stay HOST PORT CLIENTS

`write` inserts row N of RUN and has it acknowledged; `read` asks who answers; both over a new
connection each time, so that one that hangs holds up no other. `watch` asks each server itself,
over one connection, and tells when its role changes. `stay` is so many clients that open a session
and do nothing with it, again and again where it is refused or breaks. Each line of output is a JSON object; times
are CLOCK_MONOTONIC's, which all machines of the lab share. The end of stdin ends it.
"""

import json
import select
import sys
import threading
import time

import psycopg2

_AT_MOST = 100

_WRITE = """INSERT INTO writes (run, n) VALUES (%s, %s)
    RETURNING host(inet_server_addr()), pg_is_in_recovery(),
              left(pg_walfile_name(pg_current_wal_lsn()), 8)"""
_READ = "SELECT host(inet_server_addr()), pg_is_in_recovery(), NULL"

_ended = threading.Event()
_output = threading.Lock()


def _say(**record):
    with _output:
        print(json.dumps(record), flush=True)


def _connect(host, port):
    """One whose router lost the address while the answer was under way ends, too: whoever has the
    address now knows nothing of it, and says so when asked by a keepalive."""
    connection = psycopg2.connect(host=host, port=port, user="app", dbname="app",
                                  connect_timeout=5, tcp_user_timeout=5000, keepalives_idle=5,
                                  keepalives_interval=1, keepalives_count=5)
    connection.autocommit = True
    return connection


def _ask(host, port, query, arguments):
    connection = _connect(host, port)
    try:
        with connection.cursor() as cursor:
            cursor.execute(query, arguments)
            return cursor.fetchone()
    finally:
        connection.close()


def _once(host, port, query, arguments, n, places):
    began = time.monotonic()
    try:
        server, standby, timeline = _ask(host, port, query, arguments)
        _say(n=n, began=began, ended=time.monotonic(), server=server, standby=standby,
             timeline=timeline, error=None)
    except psycopg2.Error as error:
        _say(n=n, began=began, ended=time.monotonic(), error=str(error).strip() or repr(error))
    finally:
        places.release()


def _traffic(mode, host, port, every, run):
    places = threading.BoundedSemaphore(_AT_MOST)
    threads, n, due = [], 0, time.monotonic()
    while not _ended.wait(max(0.0, due - time.monotonic())):
        due = max(due + every, time.monotonic() - 1)
        places.acquire()
        n += 1
        query, arguments = (_WRITE, (run, n)) if mode == "write" else (_READ, ())
        thread = threading.Thread(target=_once, args=(host, port, query, arguments, n, places))
        thread.start()
        threads = [other for other in threads if other.is_alive()] + [thread]
    for thread in threads:
        thread.join()


def _watch(every, name, address):
    before = connection = None
    while not _ended.wait(every):
        try:
            connection = connection or _connect(address, 5432)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_is_in_recovery()")
                now = "standby" if cursor.fetchone()[0] else "primary"
        except psycopg2.Error:
            now, connection = "away", None
        if now != before:
            _say(at=time.monotonic(), name=name, role=now)
        before = now


def _watch_all(every, servers):
    for server in servers:
        name, _, address = server.partition("=")
        threading.Thread(target=_watch, args=(every, name, address)).start()
    _ended.wait()


def _stay(host, port):
    while not _ended.wait(0.1):
        try:
            connection = _connect(host, port)
        except psycopg2.Error:
            _say(event="refused")
            continue
        _say(event="open")
        while not _ended.is_set():
            if select.select([connection], [], [], 0.2)[0]:  # the server says nothing unless it ends
                _say(event="broken")
                break
        connection.close()


def _until_stdin_ends():
    sys.stdin.read()
    _ended.set()


threading.Thread(target=_until_stdin_ends, daemon=True).start()
if sys.argv[1] == "watch":
    _watch_all(float(sys.argv[2]), sys.argv[3:])
elif sys.argv[1] == "stay":
    for _ in range(int(sys.argv[4])):
        threading.Thread(target=_stay, args=(sys.argv[2], int(sys.argv[3]))).start()
else:
    _traffic(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5])
