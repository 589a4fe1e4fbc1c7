"""What a request may bring: how much of it, of which type, and how slowly."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import Message, Receive

from runtime.api.errors import BodyError, Refusal
from runtime.api.paths import PICTURES, is_api
from runtime.gate.room import Share
from runtime.gate.values import Values

#: bytes of all headers, of the address, and how many headers
_HEADERS, _ADDRESS, _COUNT = 65_536, 16_384, 128
#: seconds without a byte after which a body is given up, and bytes a second of as many seconds below which it is too
_SILENCE, _SLOWEST = 30.0, 1024
#: bytes of a body for a part of the API that takes no pictures, and of what the page asks: it names files sent before
_WITHOUT_PICTURES, _OF_THE_PAGE = 1 << 20, 8 << 20
#: bytes of all files that a browser sends at once, a whole batch of them: they go to the disk
_AT_ONCE = 1 << 30
#: types that any page of a browser may send anywhere without asking
_SIMPLE = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data")
#: where they are what is expected
UPLOAD, _FORM = "/gradio_api/upload", "/login"


@dataclass(frozen=True)
class Limit:
    """Bytes that a body may have, and what to do about a larger one."""

    most: int
    hint: str = "Send fewer or smaller pictures, or start with --body-limit MEGABYTES."

    @classmethod
    def of(cls, path: str, most: int) -> Limit:
        """For this address; `most` where pictures are sent."""
        if takes_files(path):
            return cls(max(most, _AT_ONCE), "Send fewer files at once, or start with --body-limit MEGABYTES.")
        if path.rstrip("/") in PICTURES:
            return cls(most)
        small = _WITHOUT_PICTURES if is_api(path) else _OF_THE_PAGE
        return cls(min(most, small), "It may be larger only where pictures are sent.")


def refuse_head(
    method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], limit: Limit
) -> Refusal | None:
    """What is wrong before the body is read."""
    if len(headers) > _COUNT or sum(len(name) + len(value) for name, value in headers) > _HEADERS:
        what = "The request has too many headers, or too long ones."
        return Refusal(431, "headers-too-large", what, "Send fewer; in a browser, clear this address's cookies.")
    if len(path) + len(query) > _ADDRESS:
        return Refusal(414, "address-too-long", "The address is too long.", "Send the values in the body.")
    found = dict(headers)
    # where a proxy in front and this server take another one, what follows would count as a request of its own
    if b"content-length" in found and b"transfer-encoding" in found:
        return Refusal(400, "two-lengths", "The request tells the length of its body twice.", "Send one length alone.")
    if method in ("GET", "HEAD", "OPTIONS"):
        return None
    if announced(found) > limit.most:
        return too_large(limit)
    return _refuse_type(path, found)


def announced(headers: Mapping[bytes, bytes], unsaid: int = 0) -> int:
    """Bytes that the body is said to have; `unsaid` where nothing is said."""
    length = headers.get(b"content-length", b"")
    return int(length[:19]) if length.isdigit() else unsaid


def takes_files(path: str) -> bool:
    """Does a browser send files here? They are no JSON, and go to the disk."""
    return path.rstrip("/") == UPLOAD


def _refuse_type(path: str, headers: Mapping[bytes, bytes]) -> Refusal | None:
    given = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if given not in _SIMPLE or path.rstrip("/") == _FORM or (takes_files(path) and given == _SIMPLE[2]):
        return None
    # a body of no bytes has no type worth a word: some programs name one all the same
    if headers.get(b"content-length", b"") == b"0":
        return None
    what = f"The API takes JSON, not {given}."
    return Refusal(415, "not-json", what, "Send the header Content-Type: application/json.")


def too_large(limit: Limit) -> Refusal:
    return Refusal(413, "body-too-large", f"The request is larger than {limit.most >> 20} MB.", limit.hint)


def no_room() -> Refusal:
    what = "The server holds as many large requests as it can."
    return Refusal(503, "no-room", what, "Try again in a few seconds, or send fewer at once.")


class Bounded:
    """`receive`, counting; BodyError once the body is too large or too slow, or holds too many values.

    `share` is the room that it takes, `values` counts what JSON holds.
    """

    def __init__(
        self, receive: Receive, limit: Limit, share: Share | None = None, values: Values | None = None
    ) -> None:
        self._receive, self._limit, self._share, self._values = receive, limit, share, values
        self._whole = False
        self._bytes = 0
        #: seconds that were waited for this body, and when and at how many bytes its pace was last looked at
        self._waited = self._looked = 0.0
        self._before = 0

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            message = await asyncio.wait_for(self._receive(), _SILENCE)
        except (TimeoutError, asyncio.TimeoutError) as silent:
            raise BodyError(_too_slow()) from silent
        self._waited += clock() - began
        if message["type"] != "http.request":
            return message
        self._whole = not message.get("more_body", False)
        self._take(message.get("body", b""))
        self._look_at_the_pace()
        return message

    def _take(self, part: bytes) -> None:
        self._bytes += len(part)
        if self._bytes > self._limit.most:
            raise BodyError(too_large(self._limit))
        if self._share and not self._share.grow(self._bytes):
            raise BodyError(no_room())
        if self._values and not self._values.add(part):
            what = f"The request holds more than {self._values.most:,} values."
            raise BodyError(Refusal(413, "too-many-values", what, "Send fewer lists, objects and numbers."))

    def _look_at_the_pace(self) -> None:
        """Of the last seconds: what came quickly at first must not trickle for hours."""
        spent = self._waited - self._looked
        if self._whole or spent < _SILENCE:
            return
        if self._bytes - self._before < spent * _SLOWEST:
            raise BodyError(_too_slow())
        self._looked, self._before = self._waited, self._bytes


def _too_slow() -> Refusal:
    return Refusal(408, "body-too-slow", "The request came too slowly.", "Look at the connection, and send it again.")
