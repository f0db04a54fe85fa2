"""Runs a command in a network namespace of its own, where packets may be lost.

Usage, within the namespace: lonely_network.py RULES PORT SOCKET COMMAND [ARGUMENT]...: what connects to
127.0.0.1:PORT reaches the UNIX socket of a server outside, unless nft(8)'s RULES drop it.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from ctypes import CDLL
from pathlib import Path

PR_SET_PDEATHSIG = 1


def prefix(rules, server):
    """A command prefix under which a postgres.Server is reached at its port on 127.0.0.1, with these
    rules for packets that come in there. Its own UNIX socket is where it was."""
    from . import abilities  # not within the namespace

    abilities.require_network("a packet that is lost")
    nft = abilities.require_program("nft", "a packet that is lost")
    ruleset = f"table inet test {{ chain input {{ type filter hook input priority 0; {rules}\n}}\n}}"
    return ["/usr/bin/unshare", "--net", sys.executable, "-I", str(Path(__file__).resolve()), nft,
            ruleset, str(server.port), str(server.socket)]


def _forward(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for each in (source, sink):
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def _serve(listener, path):
    while True:
        client, _ = listener.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(path)
        for ends in ((client, server), (server, client)):
            threading.Thread(target=_forward, args=ends, daemon=True).start()


def _main(nft, ruleset, port, path, *command):
    subprocess.run(["/usr/sbin/ip", "link", "set", "lo", "up"], check=True)
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=64)
    subprocess.run([nft, ruleset], check=True)
    checked = os.getpid()
    if os.fork() == 0:
        CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == checked:
            _serve(listener, path)
        os._exit(0)
    os.execv(command[0], command)


if __name__ == "__main__":
    _main(*sys.argv[1:])
