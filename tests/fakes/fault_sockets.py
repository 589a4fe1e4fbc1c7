"""The faults that come before a request can be read: sockets that refuse, are silent or speak something else."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable


def refused(fault: SocketFault) -> None:
    """Nobody listens there."""
    fault.listener.close()


def connect_hang(fault: SocketFault) -> None:
    """The connection is never made: the queue of those who wait is full (Linux drops what comes then)."""
    fault.listener.listen(0)
    for _ in range(4):
        waiting = socket.socket()
        waiting.setblocking(False)
        waiting.connect_ex(fault.listener.getsockname())
        fault.kept.append(waiting)


def silent(fault: SocketFault) -> None:
    """Takes the connection and the request and says nothing; as a proxy: hangs on CONNECT."""
    fault.listener.listen(16)
    fault.serve(lambda connection: None)


def tls_garbage(fault: SocketFault) -> None:
    """Answers an encrypted greeting with plain text."""
    fault.scheme = "https"
    fault.listener.listen(16)

    def answer(connection: socket.socket) -> None:
        connection.settimeout(5)
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    fault.serve(answer)


def closes(fault: SocketFault) -> None:
    """Takes the connection and closes it at once."""
    fault.listener.listen(16)
    fault.serve(lambda connection: connection.close())


SOCKET_MODES: dict[str, Callable[[SocketFault], None]] = {
    "refused": refused,
    "connect-hang": connect_hang,
    "silent": silent,
    "tls-garbage": tls_garbage,
    "closes": closes,
}


class SocketFault:
    """One listening socket on the loopback, failing in the way of its name; `url` has no path."""

    def __init__(self, name: str) -> None:
        self.scheme = "http"
        self.kept: list[socket.socket] = []
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        port = self.listener.getsockname()[1]
        SOCKET_MODES[name](self)
        self.url = f"{self.scheme}://127.0.0.1:{port}"

    def serve(self, answer: Callable[[socket.socket], None]) -> None:
        """Each connection is kept open after `answer`, until `close`."""

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = self.listener.accept()
                    self.kept.append(connection)
                    with contextlib.suppress(OSError):
                        answer(connection)

        threading.Thread(target=accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        for each in (self.listener, *self.kept):
            each.close()
