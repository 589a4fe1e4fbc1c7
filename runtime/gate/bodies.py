"""What a request may bring: how much of it, of which type, and how slowly."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

#: bytes of all headers, of the address, and how many headers
_HEADERS, _ADDRESS, _COUNT = 65_536, 16_384, 128
#: seconds without a byte after which a body is given up, and bytes a second below which it is too slow after that
_SILENCE, _SLOWEST = 30.0, 1024
#: types that any page of a browser may send anywhere without asking
_SIMPLE = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data")
#: where they are what is expected
_FILES, _FORM = "/gradio_api/upload", "/login"


@dataclass(frozen=True)
class Refusal:
    """A status, a code, and two sentences: what happened, and what to do."""

    status: int
    code: str
    message: str
    hint: str = ""


class BodyError(HTTPException):
    """A body that is too large or too slow; what reads it behind the gate answers with its status."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.status, refusal.message, {"Connection": "close"})
        self.refusal = refusal


def refuse_head(method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], most: int) -> Refusal | None:
    """What is wrong before the body is read; `most` bytes may it have."""
    if len(headers) > _COUNT or sum(len(name) + len(value) for name, value in headers) > _HEADERS:
        return Refusal(431, "headers-too-large", "The request has too many headers, or too long ones.")
    if len(path) + len(query) > _ADDRESS:
        return Refusal(414, "address-too-long", "The address is too long.", "Send the values in the body.")
    found = dict(headers)
    if method in ("GET", "HEAD", "OPTIONS"):
        return None
    length = found.get(b"content-length", b"0")
    if length.isdigit() and int(length[:19]) > most:
        return too_large(most)
    return _refuse_type(path, found)


def _refuse_type(path: str, headers: Mapping[bytes, bytes]) -> Refusal | None:
    given = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if given not in _SIMPLE or path.rstrip("/") == _FORM or (path.startswith(_FILES) and given == _SIMPLE[2]):
        return None
    # a body of no bytes has no type worth a word: some programs name one all the same
    if headers.get(b"content-length", b"") == b"0":
        return None
    what = f"The API takes JSON, not {given}."
    return Refusal(415, "not-json", what, "Send the header Content-Type: application/json.")


def too_large(most: int) -> Refusal:
    what = f"The request is larger than {most >> 20} MB."
    return Refusal(413, "body-too-large", what, "Send fewer or smaller pictures, or start with --body-limit MEGABYTES.")


class Bounded:
    """`receive`, counting; BodyError once the body is too large or too slow."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most = receive, most
        self._whole = False
        self._bytes = 0
        self._began = asyncio.get_running_loop().time()

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), _SILENCE)
        except (TimeoutError, asyncio.TimeoutError) as silent:
            raise BodyError(_too_slow()) from silent
        if message["type"] != "http.request":
            return message
        self._bytes += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._bytes > self._most:
            raise BodyError(too_large(self._most))
        spent = asyncio.get_running_loop().time() - self._began
        if not self._whole and spent > _SILENCE and self._bytes < spent * _SLOWEST:
            raise BodyError(_too_slow())
        return message


def _too_slow() -> Refusal:
    return Refusal(408, "body-too-slow", "The request came too slowly.", "Look at the connection, and send it again.")
