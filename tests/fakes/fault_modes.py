"""All modes of the fault server, each with a line that says what it does; here are those that spoil bytes and time.

A mode may carry a number, `stall=0.5`: what it means stands in the mode's line. Everything below `/<mode>/` behaves so.
"""

from __future__ import annotations

import gzip

from tests.fakes import fault_answers
from tests.fakes.fault_replies import MODES, Reply, Visit, mode

__all__ = ["LATER", "MODES", "fault_answers"]

#: what each byte has become when a file was changed
LATER = bytes(255 - byte for byte in range(256))


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
