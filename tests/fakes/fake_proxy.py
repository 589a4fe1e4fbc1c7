"""A proxy in all its moods: one that works, one that hangs, refuses, wants a password, serves a page, speaks SOCKS.

    with FakeProxy("password") as proxy:
        requests.get("http://127.0.0.1:8000/", proxies={"http": proxy.url})

`asked` holds what it was asked to reach, as "host:port".
"""

from __future__ import annotations

import base64
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from urllib.parse import urlsplit

_PAGE = b"<html><body>Please log in to the network.</body></html>"
USER, PASSWORD = "painter", "s3cret"


class FakeProxy:
    """`mode` is works, refuses, password, page, hangs, closes, gateway (502: it cannot get out) or socks."""

    def __init__(self, mode: str = "works") -> None:
        self.mode = mode
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        #: "host:port" of the proxy itself
        self.place = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._closing = threading.Event()
        self._modes: dict[str, Callable[[socket.socket], None]] = {"socks": self._socks, "hangs": self._hangs}

    @property
    def url(self) -> str:
        return f"{'socks5h' if self.mode == 'socks' else 'http'}://{self.place}"

    def __enter__(self) -> FakeProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """It dies, with everything under way."""
        self._closing.set()
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        # Whoever only looks whether it is there says nothing, and the answer cannot be taken apart.
        with contextlib.suppress(OSError, ValueError), client:
            client.settimeout(10)
            self._modes.get(self.mode, self._http)(client)

    def _hangs(self, client: socket.socket) -> None:
        client.recv(65536)
        self._closing.wait()

    def _http(self, client: socket.socket) -> None:
        head = _until_blank_line(client)
        line, *rest = head.decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
        parts = urlsplit(target if method != "CONNECT" else f"//{target}")
        self.asked.append(f"{parts.hostname}:{parts.port or 80}")
        answer = self._refusal(headers)
        if answer is not None:
            client.sendall(answer)
            return
        with socket.create_connection((parts.hostname, parts.port or 80), timeout=10) as server:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = parts.path or "/"
                kept = [each for each in rest if each and not each.lower().startswith(("proxy-", "connection:"))]
                server.sendall("\r\n".join([f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""]).encode())
            _between(client, server)

    def _refusal(self, headers: dict[str, str]) -> bytes | None:
        if self.mode == "closes":
            return b""
        if self.mode == "page":
            return _answer("200 OK", _PAGE, "Content-Type: text/html")
        if self.mode == "refuses":
            return _answer("403 Forbidden", b"no")
        if self.mode == "gateway":
            return _answer("502 Bad Gateway", b"cannot reach it")
        right = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.mode == "password" and headers.get("proxy-authorization") != right:
            return _answer("407 Proxy Authentication Required", b"who?", 'Proxy-Authenticate: Basic realm="x"')
        return None

    def _socks(self, client: socket.socket) -> None:
        """Version 5 without a password (RFC 1928), names and IPv4 addresses."""
        _, methods = client.recv(2)
        client.recv(methods)
        client.sendall(b"\x05\x00")
        _, _, _, kind = client.recv(4)
        host = client.recv(client.recv(1)[0]).decode() if kind == 3 else socket.inet_ntoa(client.recv(4))
        (port,) = struct.unpack("!H", client.recv(2))
        self.asked.append(f"{host}:{port}")
        with socket.create_connection((host, port), timeout=10) as server:
            client.sendall(b"\x05\x00\x00\x01" + bytes(6))
            _between(client, server)


def _answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def _until_blank_line(client: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = client.recv(65536)
        if not piece:
            raise ConnectionError
        head += piece
        if not head[:1].isalpha():
            # TLS or SOCKS: whoever speaks HTTP alone hangs up on it.
            raise ConnectionError
    return head.partition(b"\r\n\r\n")[0]


def _between(client: socket.socket, server: socket.socket) -> None:
    def carry(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=carry, args=(server, client), daemon=True)
    back.start()
    carry(client, server)
    back.join(10)
