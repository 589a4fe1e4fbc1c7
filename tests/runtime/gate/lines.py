"""A client that sends what it is given, letter by letter: nothing is corrected, escaped or refused on its way."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
import time
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Asking:
    """A request as it goes over the line, Host and Content-Length aside."""

    method: str
    #: path and query, as they stand
    target: bytes
    headers: Headers = ()
    body: bytes | None = None
    #: what is tried with it
    kind: str = ""

    def __repr__(self) -> str:
        body = b"" if self.body is None else self.body
        head = b" ".join((self.method.encode(), self.target[:300]))
        return f"{self.kind}: {head!r} {self.headers!r:.400} {len(body)} bytes {body[:600]!r}"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def stream(self) -> bool:
        """Does it go on for ever? Then its body was not waited for."""
        return self.headers.get("content-type", "").startswith("text/event-stream")


class NoAnswerError(Exception):
    """The connection closed, or nothing came, before there was a whole answer."""


@dataclass
class Line:
    """One connection at a time, kept open while the server keeps it."""

    url: str
    timeout: float = 120.0
    _socket: socket.socket | None = field(default=None, repr=False)

    def ask(self, asking: Asking) -> Answer:
        """NoAnswerError where there is none; a connection that the server had closed meanwhile is opened anew."""
        kept = self._socket is not None
        try:
            return self._ask(asking)
        except NoAnswerError:
            self.close()
            if not kept:
                raise
        try:
            return self._ask(asking)
        except NoAnswerError:
            self.close()
            raise

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ask(self, asking: Asking) -> Answer:
        began = time.monotonic()
        try:
            if self._socket is None:
                where = urlsplit(self.url)
                self._socket = socket.create_connection((where.hostname or "", where.port or 80), self.timeout)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._send(self._socket, asking)
            answer = http.client.HTTPResponse(self._socket, method=asking.method)
            answer.begin()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            endless = headers.get("content-type", "").startswith("text/event-stream")
            body = b"" if endless else answer.read()
        except (OSError, http.client.HTTPException) as broken:
            raise NoAnswerError(f"{type(broken).__name__}: {broken}") from broken
        if endless or answer.will_close:
            self.close()
        return Answer(answer.status, headers, _plain(body, headers), time.monotonic() - began)

    def _send(self, line: socket.socket, asking: Asking) -> None:
        names = {name.lower() for name, _ in asking.headers}
        headers = list(asking.headers)
        if b"host" not in names:
            headers.insert(0, (b"Host", urlsplit(self.url).netloc.encode()))
        if asking.body is not None and not names & {b"content-length", b"transfer-encoding"}:
            headers.append((b"Content-Length", str(len(asking.body)).encode()))
        head = b"%s %s HTTP/1.1\r\n" % (asking.method.encode("latin-1"), asking.target)
        line.sendall(head + b"".join(b"%s: %s\r\n" % pair for pair in headers) + b"\r\n" + (asking.body or b""))


class Lines:
    """`count` lines over which as many requests go at once: some routes take seconds to say that there is nothing."""

    def __init__(self, url: str, count: int, timeout: float = 120.0) -> None:
        self._url, self._timeout = url, timeout
        self._pool = ThreadPoolExecutor(count)
        self._own = threading.local()
        self._open: list[Line] = []

    def ask(self, askings: Iterable[Asking]) -> list[Answer | None]:
        """The answers in the same order; None for what got none."""
        return list(self._pool.map(self._ask, askings))

    def _ask(self, asking: Asking) -> Answer | None:
        if not hasattr(self._own, "line"):
            self._own.line = Line(self._url, self._timeout)
            self._open.append(self._own.line)
        try:
            found: Answer = self._own.line.ask(asking)
        except NoAnswerError:
            return None
        return found

    def close(self) -> None:
        self._pool.shutdown()
        for line in self._open:
            line.close()


def _plain(body: bytes, headers: dict[str, str]) -> bytes:
    if headers.get("content-encoding") != "gzip":
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        return body
