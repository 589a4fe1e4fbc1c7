"""One who asks for pictures over a connection of his own, with no more between than a socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    #: from the last byte asked to the last byte answered
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)


class Line:
    """Keeps its connection as long as the server does."""

    def __init__(self, url: str, name: str, password: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self._where = (host, int(port))
        coded = base64.b64encode(f"{name}:{password}".encode()).decode()
        self._head = f"Host: {host}:{port}\r\nAuthorization: Basic {coded}\r\nContent-Type: application/json\r\n"
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, method: str, path: str, fields: dict[str, Any]) -> None:
        if self._writer is None or self._writer.is_closing():
            self._reader, self._writer = await asyncio.open_connection(*self._where)
        body = json.dumps(fields).encode()
        head = f"{method} {path} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        await self._writer.drain()

    async def post(self, path: str, **fields: Any) -> Answer:
        return await self._ask("POST", path, fields)

    async def get(self, path: str) -> Answer:
        return await self._ask("GET", path, {})

    async def _ask(self, method: str, path: str, fields: dict[str, Any]) -> Answer:
        await self.send(method, path, fields)
        assert self._reader is not None
        began = time.monotonic()
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        body = await self._reader.readexactly(int(headers["content-length"]))
        answer = Answer(int(head[0].split(" ")[1]), headers, body, time.monotonic() - began)
        if headers.get("connection") == "close":
            self.leave()
        return answer

    def leave(self) -> None:
        """Close the connection, whatever is on its way."""
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.close()
        self._reader = self._writer = None
