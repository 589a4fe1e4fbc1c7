"""A local web server that serves a folder, or some bytes, rightly or in a way of fault_modes.py or fault_hostile.py.

    with FaultServer(folder) as server:
        server.url("stall=0.3", "models/a.safetensors")

serves models (files with ranges), packages (a folder without index.html is a page of links with hashes, as a simple
index has them) and git (a bare repository's files, after `git update-server-info`). `requests` says what was asked for
and how many bytes of each body were sent. The modes in `fault_sockets.py` fail before a request can be read.

By hand: `python -m tests.fakes.fault_server FOLDER [--port N]` lists the modes and serves until it is interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import html
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from tests.fakes.fault_hostile import HOSTILE
from tests.fakes.fault_modes import MODES
from tests.fakes.fault_replies import Reply, Visit
from tests.fakes.fault_sockets import SOCKET_MODES, SocketFault

_EVERY = {**MODES, **HOSTILE}
_PIECE = 64 * 1024
_NEARLY_ENDLESS = 64 * 1024 * 1024


@dataclass
class Request:
    """One request as it came; `sent` grows while the body goes out."""

    method: str
    mode: str
    path: str
    headers: dict[str, str]
    status: int = 0
    start: int = 0
    sent: int = 0


class FaultServer:
    """`content` is a folder or the bytes of every path; `buffer` bounds what lies unread between server and client.

    With `certificate` (a PEM file, key included) the addresses are https://.
    """

    def __init__(
        self, content: Path | bytes, *, port: int = 0, buffer: int | None = None, certificate: Path | None = None
    ) -> None:
        self.content, self.buffer = content, buffer
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._sockets: dict[str, SocketFault] = {}
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.owner = self
        self._scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The greeting belongs to the thread of its connection, not to the one that accepts.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_port

    def __enter__(self) -> FaultServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        for fault in self._sockets.values():
            fault.close()
        self._server.shutdown()
        self._server.server_close()

    def url(self, mode: str = "ok", path: str = "", *, other_host: bool = False) -> str:
        """The address of `path` in `mode`; `other_host`: the same server under another name."""
        name = mode.partition("=")[0]
        if name in SOCKET_MODES:
            return f"{self._socket(name).url}/{quote(path)}"
        assert name in _EVERY, f"{name} is none of {sorted(_EVERY)}"
        host = "localhost" if other_host else "127.0.0.1"
        return f"{self._scheme}://{host}:{self.port}/{mode}/{quote(path)}"

    def sent(self, mode: str | None = None) -> int:
        """Bytes of bodies that were handed to the system so far."""
        return sum(request.sent for request in self.requests if mode in (None, request.mode))

    def count(self, request: Request) -> int:
        """Enters it into the list; how often this mode and path were asked for, this time included."""
        with self._lock:
            self.requests.append(request)
            self._counts[request.mode, request.path] += 1
            return self._counts[request.mode, request.path]

    def _socket(self, name: str) -> SocketFault:
        with self._lock:
            if name not in self._sockets:
                self._sockets[name] = SocketFault(name)
            return self._sockets[name]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    owner: FaultServer

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self.owner.buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.owner.buffer)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no event."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        owner = self.server.owner
        _, mode, path = unquote(urlsplit(self.path).path).split("/", 2)
        name, _, amount = mode.partition("=")
        if name not in _EVERY:
            self.send_error(HTTPStatus.NOT_FOUND, "no such mode")
            return
        request = Request(self.command, mode, path, {key.lower(): value for key, value in self.headers.items()})
        number = owner.count(request)
        content = _Content.at(owner.content, path)
        if content is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        reply = content.reply(request.headers)
        _EVERY[name](reply, self._visit(request, number, content, float(amount) if amount else None))
        request.status, request.start = reply.status, reply.start
        with contextlib.closing(content):
            self._send(reply, request)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silent: `requests` has it all."""

    def _visit(self, request: Request, number: int, content: _Content, amount: float | None) -> Visit:
        def url(mode: str, other_host: bool) -> str:
            return self.server.owner.url(mode, request.path, other_host=other_host)

        return Visit(
            request.method, request.path, number, content.size, request.headers.get("range"), content.etag, amount, url
        )

    def _send(self, reply: Reply, request: Request) -> None:
        self._wait(reply.delay)
        if reply.raw is not None:
            self.wfile.write(reply.raw)
            self.close_connection = True
            return
        self._send_head(reply)
        if self.command != "HEAD":
            _Sender(self, reply, request).send()

    def _send_head(self, reply: Reply) -> None:
        lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        if reply.closes:
            self.close_connection = True
            lines.append("Connection: close")
        head = ("\r\n".join([*lines, "", ""])).encode("latin-1")
        if not reply.header_delay:
            self.wfile.write(head)
            return
        for byte in head:
            self._wait(reply.header_delay)
            self.wfile.write(bytes([byte]))

    def _wait(self, seconds: float) -> None:
        if seconds and self.server.owner.closing.wait(seconds):
            raise ConnectionAbortedError


class _Sender:
    """The body of one reply."""

    def __init__(self, handler: _Handler, reply: Reply, request: Request) -> None:
        self._handler, self._reply, self._request = handler, reply, request
        self._closing = handler.server.owner.closing
        self._began = time.monotonic()

    def send(self) -> None:
        reply = self._reply
        with contextlib.suppress(OSError):
            self._content()
            if reply.chunked and reply.breaks_at is None:
                self._handler.wfile.write(b"0\r\n\r\n")
            for _ in range(_NEARLY_ENDLESS // _PIECE if reply.endless else 0):
                self._piece(bytes(_PIECE))
            return
        self._handler.close_connection = True

    def _content(self) -> None:
        reply = self._reply
        end = reply.length if reply.breaks_at is None else min(reply.length, reply.breaks_at)
        piece = _PIECE if reply.rate is None else max(1, min(_PIECE, int(reply.rate / 20)))
        for number, at in enumerate(range(0, end, piece)):
            self._piece(self._bytes(at, min(end, at + piece)), number)
        if end < reply.length:
            self._break()

    def _bytes(self, start: int, end: int) -> bytes:
        reply = self._reply
        if reply.body is not None:
            return (reply.body + reply.tail)[start:end]
        length = reply.end - reply.start
        found = reply.bytes_at(reply.start + start, reply.start + min(end, length)) if start < length else b""
        return found + reply.tail[max(0, start - length) : max(0, end - length)]

    def _piece(self, piece: bytes, number: int = -2) -> None:
        # counted before it is written: whoever has read it may ask at once
        self._request.sent += len(piece)
        try:
            self._handler.wfile.write(self._framed(piece, number))
        except OSError:
            self._request.sent -= len(piece)
            raise
        if self._reply.rate:
            due = self._began + self._request.sent / self._reply.rate - time.monotonic()
            if due > 0 and self._closing.wait(due):
                raise ConnectionAbortedError

    def _framed(self, piece: bytes, number: int) -> bytes:
        if not self._reply.chunked:
            return piece
        size = b"zz" if number == self._reply.broken_chunk else f"{len(piece):x}".encode()
        return size + b"\r\n" + piece + b"\r\n"

    def _break(self) -> None:
        self._handler.close_connection = True
        if self._reply.breaks_by == "stall":
            self._closing.wait(600)
        elif self._reply.breaks_by == "reset":
            # Closing with this option set sends RST in place of FIN.
            self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._handler.connection.close()


class _Content:
    """The bytes of one path, read as they are sent."""

    def __init__(self, size: int, stamp: float, read: Any, kind: str, etag: str) -> None:
        self.size, self._stamp, self._kind, self.etag = size, stamp, kind, etag
        self._read = read

    @classmethod
    def at(cls, root: Path | bytes, path: str) -> _Content | None:
        if isinstance(root, bytes):
            return cls.of(root, "application/octet-stream")
        file = (root / path).resolve()
        if root.resolve() not in (file, *file.parents) or not file.exists():
            return None
        if file.is_dir():
            index = file / "index.html"
            return cls.of(index.read_bytes() if index.exists() else _links(file), "text/html; charset=utf-8")
        status, opened = file.stat(), file.open("rb")
        kind = "text/html; charset=utf-8" if file.suffix == ".html" else "application/octet-stream"
        return cls(status.st_size, status.st_mtime, opened, kind, f"{status.st_size:x}-{status.st_mtime_ns:x}")

    @classmethod
    def of(cls, content: bytes, kind: str) -> _Content:
        return cls(len(content), 1.7e9, content, kind, hashlib.md5(content).hexdigest())

    def bytes_at(self, start: int, end: int) -> bytes:
        if isinstance(self._read, bytes):
            return self._read[start:end]
        self._read.seek(start)
        found: bytes = self._read.read(end - start)
        return found

    def close(self) -> None:
        if not isinstance(self._read, bytes):
            self._read.close()

    def reply(self, asked: dict[str, str]) -> Reply:
        """As an honest server answers (RFC 9110, 13 and 14): one range at most, If-Range by strong ETag or date."""
        date = formatdate(self._stamp, usegmt=True)
        headers = {
            "Content-Type": self._kind, "Accept-Ranges": "bytes", "ETag": f'"{self.etag}"', "Last-Modified": date,
            "Content-Length": str(self.size),
        }  # fmt: skip
        reply = Reply(200, headers, self.bytes_at, 0, self.size)
        wanted = _range(asked.get("range", ""), self.size)
        if wanted is None or asked.get("if-range", headers["ETag"]) not in (headers["ETag"], date):
            return reply
        if wanted[0] >= self.size:
            reply.says(416, Content_Range=f"bytes */{self.size}")
            return reply
        reply.status, (reply.start, reply.end) = 206, wanted
        headers["Content-Range"] = f"bytes {reply.start}-{reply.end - 1}/{self.size}"
        headers["Content-Length"] = str(reply.end - reply.start)
        return reply


def _range(header: str, size: int) -> tuple[int, int] | None:
    unit, _, span = header.partition("=")
    first, dash, last = span.partition("-")
    if unit != "bytes" or not dash or "," in span:
        return None
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


def _links(folder: Path) -> bytes:
    """A page of a simple index: each file with its hash, each folder with its slash."""
    lines = []
    for entry in sorted(folder.iterdir()):
        digest = "" if entry.is_dir() else f"#sha256={hashlib.sha256(entry.read_bytes()).hexdigest()}"
        slash = "/" if entry.is_dir() else ""
        lines.append(f'<a href="{quote(entry.name)}{slash}{digest}">{html.escape(entry.name)}</a><br>')
    return ("<!DOCTYPE html>\n<html><body>\n" + "\n".join(lines) + "\n</body></html>\n").encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    for name, function in {**_EVERY, **SOCKET_MODES}.items():
        print(f"{name:18} {function.__doc__}")
    with FaultServer(arguments.folder, port=arguments.port) as server, contextlib.suppress(KeyboardInterrupt):
        print(server.url(), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
