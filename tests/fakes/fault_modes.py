"""What the fault server can do wrong: each mode takes the honest reply to a request and twists it.

A mode may carry a number, `stall=0.5`: what it means stands in the mode's line. Everything below `/<mode>/` behaves so.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field

PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please accept the terms.</body></html>\n" * 4

#: what each byte has become when a file was changed
LATER = bytes(255 - byte for byte in range(256))


@dataclass
class Reply:
    """An answer before it is sent; `bytes_at(start, end)` reads the content as it is."""

    status: int
    headers: dict[str, str]
    bytes_at: Callable[[int, int], bytes]
    start: int = 0
    end: int = 0
    #: seconds before the first byte of the headers, and between two of them
    delay: float = 0.0
    header_delay: float = 0.0
    #: bytes per second of the body
    rate: float | None = None
    #: after so many bytes of the body: `stall`, `close` or `reset`
    breaks_at: int | None = None
    breaks_by: str = "close"
    #: sent in chunks, the chunk at this place being broken (-1: none is)
    chunked: bool = False
    broken_chunk: int = -1
    #: sent in place of the content's bytes, and after them
    body: bytes | None = None
    tail: bytes = b""
    endless: bool = False
    #: sent in place of everything
    raw: bytes | None = None
    closes: bool = False

    @property
    def length(self) -> int:
        return (self.end - self.start if self.body is None else len(self.body)) + len(self.tail)

    def says(self, status: int, body: bytes = b"", kind: str = "text/plain", **headers: str) -> None:
        """Another answer altogether."""
        self.status, self.body, self.start, self.end = status, body, 0, 0
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        self.headers = {"Content-Type": kind, "Content-Length": str(len(body)), **more}

    def only_whole(self, size: int) -> None:
        """As if no range had been asked for."""
        self.status, self.body, self.start, self.end = 200, None, 0, size
        self.headers.pop("Content-Range", None)
        self.headers["Content-Length"] = str(size)


@dataclass(frozen=True)
class Visit:
    """One request, as a mode sees it: `number` counts those for this mode and path, from 1."""

    method: str
    path: str
    number: int
    size: int
    asked_range: str | None
    etag: str
    #: what stands behind the mode's name
    amount: float | None
    #: the address of `path` in another mode, at this host or at the other one
    url: Callable[[str, bool], str] = field(repr=False)

    def part(self, otherwise: float) -> int:
        """So many bytes of the content, the amount being a fraction of it."""
        return int(self.size * (otherwise if self.amount is None else self.amount))


Mode = Callable[[Reply, Visit], None]
MODES: dict[str, Mode] = {}


def mode(name: str) -> Callable[[Mode], Mode]:
    """Enters a function into the table; its docstring is the mode's line."""

    def enter(function: Mode) -> Mode:
        MODES[name] = function
        return function

    return enter


@mode("ok")
def ok(reply: Reply, visit: Visit) -> None:
    """Nothing is wrong: ranges, If-Range, ETag and Last-Modified as they should be."""


@mode("rate")
def rate(reply: Reply, visit: Visit) -> None:
    """Right, at so many bytes per second (1 MB)."""
    reply.rate = visit.amount or 1e6


@mode("slow-first-byte")
def slow_first_byte(reply: Reply, visit: Visit) -> None:
    """Says nothing for so many seconds (3), then everything."""
    reply.delay = 3.0 if visit.amount is None else visit.amount


@mode("trickle")
def trickle(reply: Reply, visit: Visit) -> None:
    """So few bytes per second (100) that it never ends."""
    reply.rate = visit.amount or 100


@mode("header-trickle")
def header_trickle(reply: Reply, visit: Visit) -> None:
    """The headers come a byte every so many seconds (0.2)."""
    reply.header_delay = visit.amount or 0.2


@mode("stall")
def stall(reply: Reply, visit: Visit) -> None:
    """Falls silent after this fraction (0.5) of the file, the connection staying open."""
    reply.breaks_at, reply.breaks_by = max(0, visit.part(0.5) - reply.start), "stall"


@mode("close-early")
def close_early(reply: Reply, visit: Visit) -> None:
    """Says the right length and closes after this fraction (0.4) of the file, each time."""
    reply.breaks_at = visit.part(0.4)


@mode("reset")
def reset(reply: Reply, visit: Visit) -> None:
    """The connection is reset (RST) after this fraction (0.4) of the file, each time."""
    close_early(reply, visit)
    reply.breaks_by = "reset"


@mode("truncated")
def truncated(reply: Reply, visit: Visit) -> None:
    """A copy that lost its end: this fraction (0.5) of the file, and the length says the same."""
    reply.only_whole(visit.size)
    reply.end = visit.part(0.5)
    reply.headers["Content-Length"] = str(reply.end)


@mode("longer")
def longer(reply: Reply, visit: Visit) -> None:
    """The file with 1,000 bytes behind it, and the length says so."""
    reply.only_whole(visit.size)
    reply.tail = b"x" * 1000
    reply.headers["Content-Length"] = str(visit.size + 1000)


@mode("says-longer")
def says_longer(reply: Reply, visit: Visit) -> None:
    """The length says 1,000 bytes more than come before it closes."""
    reply.only_whole(visit.size)
    reply.headers["Content-Length"], reply.closes = str(visit.size + 1000), True


@mode("says-shorter")
def says_shorter(reply: Reply, visit: Visit) -> None:
    """The length says this fraction (0.5) of what comes."""
    reply.only_whole(visit.size)
    reply.headers["Content-Length"], reply.closes = str(visit.part(0.5)), True


@mode("no-length")
def no_length(reply: Reply, visit: Visit) -> None:
    """No length at all: the end is where the connection closes; no ranges."""
    reply.only_whole(visit.size)
    del reply.headers["Content-Length"]
    reply.closes = True


@mode("no-length-cut")
def no_length_cut(reply: Reply, visit: Visit) -> None:
    """No length, and closed after this fraction (0.5): nothing in the answer tells."""
    no_length(reply, visit)
    reply.breaks_at = visit.part(0.5)


@mode("chunked")
def chunked(reply: Reply, visit: Visit) -> None:
    """Right, in chunks."""
    reply.headers.pop("Content-Length", None)
    reply.headers["Transfer-Encoding"] = "chunked"
    reply.chunked = True


@mode("chunk-broken")
def chunk_broken(reply: Reply, visit: Visit) -> None:
    """In chunks, the third of which begins with no number."""
    chunked(reply, visit)
    reply.broken_chunk = 2


@mode("endless")
def endless(reply: Reply, visit: Visit) -> None:
    """No length, and after the file zeros, nearly without end (64 MiB: a test's disk has one)."""
    no_length(reply, visit)
    reply.endless = True


@mode("empty")
def empty(reply: Reply, visit: Visit) -> None:
    """200 and not one byte."""
    reply.says(200, b"", "application/octet-stream")


@mode("redirect")
def redirect(reply: Reply, visit: Visit) -> None:
    """302 to the file in mode ok, by a relative address."""
    reply.says(302, Location="/ok/" + visit.path)


@mode("redirect-loop")
def redirect_loop(reply: Reply, visit: Visit) -> None:
    """301 to itself."""
    reply.says(301, Location=visit.url("redirect-loop", False))


@mode("redirect-host")
def redirect_host(reply: Reply, visit: Visit) -> None:
    """302 to the file in mode ok at another host."""
    reply.says(302, Location=visit.url("ok", True))


@mode("redirect-plain")
def redirect_plain(reply: Reply, visit: Visit) -> None:
    """302 to an http:// address (of interest where this one is https://)."""
    reply.says(302, Location=visit.url("ok", False).replace("https://", "http://"))


@mode("redirect-file")
def redirect_file(reply: Reply, visit: Visit) -> None:
    """302 to file:///, which is no web address."""
    reply.says(302, Location="file:///etc/hostname")


@mode("401")
def unauthorized(reply: Reply, visit: Visit) -> None:
    """Asks for a password."""
    reply.says(401, WWW_Authenticate='Basic realm="models"')


@mode("403")
def forbidden(reply: Reply, visit: Visit) -> None:
    """Refused, for good."""
    reply.says(403, b"Forbidden")


@mode("403-for-a-while")
def forbidden_for_a_while(reply: Reply, visit: Visit) -> None:
    """Refused with Retry-After: so many seconds (1), the first time only."""
    if visit.number == 1:
        reply.says(403, Retry_After=_seconds(visit))


@mode("404")
def missing(reply: Reply, visit: Visit) -> None:
    """Not here."""
    reply.says(404, PAGE, "text/html")


@mode("416")
def unsatisfiable(reply: Reply, visit: Visit) -> None:
    """Whatever is asked for: 416."""
    reply.says(416, Content_Range=f"bytes */{visit.size}")


@mode("416-for-ranges")
def unsatisfiable_ranges(reply: Reply, visit: Visit) -> None:
    """416 to every range, the whole file otherwise."""
    if visit.asked_range:
        reply.says(416, Content_Range=f"bytes */{visit.size // 2}")


@mode("429")
def too_many(reply: Reply, visit: Visit) -> None:
    """Too many requests, Retry-After: so many seconds (1), the first time only."""
    if visit.number == 1:
        reply.says(429, Retry_After=_seconds(visit))


@mode("500")
def broken(reply: Reply, visit: Visit) -> None:
    """Out of order."""
    reply.says(500, b"Internal Server Error")


@mode("503-twice")
def unavailable_twice(reply: Reply, visit: Visit) -> None:
    """503 the first two times, then right."""
    if visit.number <= 2:
        reply.says(503)


@mode("html")
def html(reply: Reply, visit: Visit) -> None:
    """A web page with 200."""
    reply.says(200, PAGE, "text/html; charset=utf-8")


@mode("html-as-binary")
def html_as_binary(reply: Reply, visit: Visit) -> None:
    """A web page that is called application/octet-stream."""
    reply.says(200, PAGE, "application/octet-stream")


@mode("captive")
def captive(reply: Reply, visit: Visit) -> None:
    """302 to the login page of a network, at another host."""
    reply.says(302, Location=visit.url("html", True).rpartition("/")[0] + "/login")


@mode("login-511")
def login_511(reply: Reply, visit: Visit) -> None:
    """511 Network Authentication Required."""
    reply.says(511, PAGE, "text/html")


@mode("wrong-bytes")
def wrong_bytes(reply: Reply, visit: Visit) -> None:
    """The right length, one bit wrong in the middle of the file."""
    honest, middle = reply.bytes_at, visit.size // 2

    def twisted(start: int, end: int) -> bytes:
        found = bytearray(honest(start, end))
        if start <= middle < end:
            found[middle - start] ^= 1
        return bytes(found)

    reply.bytes_at = twisted


@mode("zeros")
def zeros(reply: Reply, visit: Visit) -> None:
    """The right length, every byte 0."""
    reply.bytes_at = lambda start, end: bytes(end - start)


@mode("other-file")
def other_file(reply: Reply, visit: Visit) -> None:
    """Another whole file, three quarters as long."""
    reply.only_whole(visit.size)
    reply.end = visit.size * 3 // 4
    reply.headers |= {"Content-Length": str(reply.end), "ETag": '"other"'}
    reply.bytes_at = lambda start, end: b"o" * (end - start)


@mode("ignores-range")
def ignores_range(reply: Reply, visit: Visit) -> None:
    """Always 200 and the whole file."""
    reply.only_whole(visit.size)
    reply.headers.pop("Accept-Ranges", None)


@mode("wrong-range")
def wrong_range(reply: Reply, visit: Visit) -> None:
    """206 with another part than was asked for, and it says so."""
    if reply.status == 206:
        reply.start = max(0, reply.start - 100)
        reply.headers["Content-Range"] = f"bytes {reply.start}-{reply.end - 1}/{visit.size}"
        reply.headers["Content-Length"] = str(reply.end - reply.start)


@mode("lying-range")
def lying_range(reply: Reply, visit: Visit) -> None:
    """206 that says the right part and sends another one."""
    if reply.status == 206:
        honest, shift = reply.bytes_at, min(100, reply.start)
        reply.bytes_at = lambda start, end: honest(start - shift, end - shift)


@mode("new-etag")
def new_etag(reply: Reply, visit: Visit) -> None:
    """The same bytes, an ETag of its own for each request; If-Range therefore never holds."""
    if visit.asked_range and reply.status == 206:
        reply.only_whole(visit.size)
    reply.headers["ETag"] = f'"{visit.etag}-{visit.number}"'


@mode("ignores-if-range")
def ignores_if_range(reply: Reply, visit: Visit) -> None:
    """206 although the file is another one now (new ETag, other bytes)."""
    if visit.number > 1:
        honest = reply.bytes_at
        reply.bytes_at = lambda start, end: honest(start, end).translate(LATER)
        reply.headers["ETag"] = '"later"'
    if visit.number == 1:
        reply.breaks_at = (reply.end - reply.start) // 2


@mode("weak-etag")
def weak_etag(reply: Reply, visit: Visit) -> None:
    """Right, with a weak ETag and no date."""
    reply.headers["ETag"] = 'W/"1"'
    reply.headers.pop("Last-Modified", None)


@mode("no-validator")
def no_validator(reply: Reply, visit: Visit) -> None:
    """Right, without ETag and date."""
    for name in ("ETag", "Last-Modified"):
        reply.headers.pop(name, None)


@mode("gzip")
def packed(reply: Reply, visit: Visit) -> None:
    """Content-Encoding: gzip, though nobody asked for it; the length is that of the packed bytes."""
    reply.only_whole(visit.size)
    body = gzip.compress(reply.bytes_at(0, visit.size), 1)
    kept = {name: reply.headers[name] for name in ("Last-Modified",) if name in reply.headers}
    reply.says(200, body, "application/octet-stream", Content_Encoding="gzip")
    reply.headers |= kept


@mode("no-head")
def no_head(reply: Reply, visit: Visit) -> None:
    """405 to HEAD, right otherwise."""
    if visit.method == "HEAD":
        reply.says(405, Allow="GET")


@mode("garbage")
def garbage(reply: Reply, visit: Visit) -> None:
    """What it says is no HTTP."""
    reply.raw = b"SSH-2.0-OpenSSH_9.6\r\n"


def _seconds(visit: Visit) -> str:
    return str(1 if visit.amount is None else int(visit.amount))
