"""Stand-ins for HAProxy's stats socket: they say what a real one won't say on demand."""

import contextlib
import socket
import threading

from harness import scratch

READ_WRITE, READ_ONLY = "PostgresReadWrite-backend", "PostgresReadOnly-backend"
HEADER = "# pxname,svname,status,type,check_status,check_code,scur,smax,slim,qcur,weight,lastchg\n"


def line(backend, server, status="UP", check="PROCOK", code=0, kind=2):
    return f"{backend},{server},{status},{kind},{check},{code},0,0,,0,1,5\n"


def table(servers):
    """`show stat` of a healthy cluster with this many servers, the first one the primary."""
    lines = [HEADER]
    for backend, serves in ((READ_WRITE, lambda i: i == 0), (READ_ONLY, lambda i: i > 0)):
        lines += [line(backend, f"db{i}.example.com") if serves(i)
                  else line(backend, f"db{i}.example.com", "DOWN", "PROCERR", 1)
                  for i in range(servers)]
        lines.append(line(backend, "BACKEND", kind=1, check="", code=""))
    return "".join(lines) + "\n"


STATE_HEADER = ("1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
                "srv_iweight srv_time_since_last_change srv_check_status srv_check_result "
                "srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id "
                "srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
                "srv_agent_addr srv_agent_port\n")


def state_line(name, address, port, *, backend=READ_WRITE, state=2, admin=0):
    """A line of `show servers state`."""
    return (f"3 {backend} 1 {name} {address} {state} {admin} 1 1 60 15 3 4 6 0 0 0 - {port} - 0 0 "
            "- - 0\n")


def servers_state(*servers):
    """`show servers state` for these, anything with name, address and port."""
    lines = [state_line(server.name, server.address, server.port) for server in servers]
    return STATE_HEADER + "".join(lines) + "\n"


class StatsSocket:
    """Listens on a UNIX socket and plays `script(connection)` to each connection, in a thread."""

    def __init__(self, script, *, family=socket.AF_UNIX):
        self._script = script
        self._open = []
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        if family == socket.AF_UNIX:
            self.path = scratch.directory("stats") / "socket"
            self._listener.bind(str(self.path))
        else:
            self._listener.bind(("127.0.0.1", 0))
            self.path = "127.0.0.1:{}".format(self._listener.getsockname()[1])
        self._listener.listen(8)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                self._script(self, connection)

    def keep_open(self, connection):
        """The connection stays as it is until the end."""
        self._open.append(connection)


def saying(text):
    """A script: reads the command, says this and closes."""
    def script(_server, connection):
        with connection:
            connection.recv(4096)
            connection.sendall(text.encode())
    return script


def silent(server, connection):
    """A script: never says anything."""
    server.keep_open(connection)


def stopping_after(text):
    """A script: says this, then nothing more, and leaves the connection open."""
    def script(server, connection):
        server.keep_open(connection)
        connection.recv(4096)
        connection.sendall(text.encode())
    return script


def endless(text):
    """A script: says this again and again until the other side has enough."""
    def script(_server, connection):
        with connection:
            connection.recv(4096)
            while True:
                connection.sendall(text.encode())
    return script


def one_byte_at_a_time(pause):
    """A script: a good answer, so slowly that nobody waits for its end. `pause` is an Event."""
    def script(_server, connection):
        with connection:
            connection.recv(4096)
            for byte in table(100).encode():
                connection.sendall(bytes([byte]))
                if pause.wait(0.02):
                    return
    return script
