"""A TCP listener on loopback that hands every connection to a thread of its own."""

import errno
import socket
import threading

from . import ports, scratch


class Listener:
    """Listens on 127.0.0.1; what becomes of a connection is its subclass's connected(). close() or
    `with`."""

    address = "127.0.0.1"

    def __init__(self):
        self.port = ports.free_port()
        self._closing = False
        self._sockets = []
        self._threads = []
        self._listener = socket.create_server((self.address, self.port), backlog=64)
        self._start(self._accept)
        scratch.at_end(self.close)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def connected(self, accepted):
        """Serves one connection, in a thread of its own. The socket is closed by close()."""
        raise NotImplementedError

    def release(self):
        """Wakes whatever connected() may be waiting for: the listener is being closed."""

    def close(self):
        """Drops all connections and stops listening. Harmless when called again."""
        scratch.forget(self.close)
        self._closing = True
        for each in (self._listener, *self._sockets):
            shut(each)
        self.release()
        for thread in self._threads:
            thread.join()
        for each in (self._listener, *self._sockets):
            each.close()

    def _start(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(accepted)
            if self._closing:  # and close() may not have seen this one
                shut(accepted)
            self._start(self.connected, accepted)


def shut(each):
    """Ends a socket's connection, whoever may be reading from it. Harmless when it has ended."""
    try:
        each.shutdown(socket.SHUT_RDWR)
    except OSError as failure:
        if failure.errno not in (errno.ENOTCONN, errno.EBADF):
            raise
