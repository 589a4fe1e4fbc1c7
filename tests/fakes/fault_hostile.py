"""The fault server's modes that mean harm: bombs, headers that no library expects, redirects out of the web."""

from __future__ import annotations

import gzip
from collections.abc import Callable

from tests.fakes.fault_replies import Mode, Reply, Visit

HOSTILE: dict[str, Mode] = {}


def mode(name: str) -> Callable[[Mode], Mode]:
    """Enters a function into this table."""

    def enter(function: Mode) -> Mode:
        HOSTILE[name] = function
        return function

    return enter


_BOMB = gzip.compress(bytes(96 * 1024 * 1024), 9)


@mode("gzip-bomb")
def gzip_bomb(reply: Reply, visit: Visit) -> None:
    """100 kB that unpack to 96 MiB of zeros."""
    reply.says(200, _BOMB, "application/octet-stream", Content_Encoding="gzip")


@mode("gzip-broken")
def gzip_broken(reply: Reply, visit: Visit) -> None:
    """Content-Encoding: gzip, and what comes is not packed."""
    reply.only_whole(visit.size)
    reply.headers["Content-Encoding"] = "gzip"


@mode("encoding-unknown")
def encoding_unknown(reply: Reply, visit: Visit) -> None:
    """A Content-Encoding that nobody knows."""
    reply.only_whole(visit.size)
    reply.headers["Content-Encoding"] = "x-secret"


@mode("redirect-script")
def redirect_script(reply: Reply, visit: Visit) -> None:
    """302 to a javascript: address."""
    reply.says(302, Location="javascript:alert(1)")


@mode("redirect-data")
def redirect_data(reply: Reply, visit: Visit) -> None:
    """302 to a data: address that holds another file."""
    reply.says(302, Location="data:application/octet-stream;base64,QUFBQQ==")


@mode("redirect-broken")
def redirect_broken(reply: Reply, visit: Visit) -> None:
    """302 to what is no address: a bracket that is never closed."""
    reply.says(302, Location="http://[::1")


@mode("redirect-port")
def redirect_port(reply: Reply, visit: Visit) -> None:
    """302 to a port that no computer has."""
    reply.says(302, Location="http://127.0.0.1:99999/")


@mode("redirect-nowhere")
def redirect_nowhere(reply: Reply, visit: Visit) -> None:
    """302 with an empty Location."""
    reply.says(302, Location="")


@mode("redirect-far")
def redirect_far(reply: Reply, visit: Visit) -> None:
    """302 to an address longer by one, each time."""
    reply.says(302, Location=visit.url("redirect-far", False) + f"?{visit.number}")


@mode("length-superscript")
def length_superscript(reply: Reply, visit: Visit) -> None:
    """Content-Length is a digit that is no number: ²."""
    reply.headers["Content-Length"] = "\u00b2"
    reply.closes = True


@mode("length-negative")
def length_negative(reply: Reply, visit: Visit) -> None:
    """Content-Length is below nothing."""
    reply.headers["Content-Length"] = "-5"
    reply.closes = True


@mode("length-endless")
def length_endless(reply: Reply, visit: Visit) -> None:
    """Content-Length has 5,000 digits."""
    reply.headers["Content-Length"] = "9" * 5000
    reply.closes = True


@mode("length-exabyte")
def length_exabyte(reply: Reply, visit: Visit) -> None:
    """Content-Length is an exabyte."""
    reply.headers["Content-Length"] = str(10**18)
    reply.closes = True


@mode("range-endless")
def range_endless(reply: Reply, visit: Visit) -> None:
    """206 whose Content-Range has 5,000 digits."""
    reply.status = 206
    reply.headers["Content-Range"] = f"bytes 0-{'9' * 5000}/{'9' * 5000}"


@mode("part-unasked")
def part_unasked(reply: Reply, visit: Visit) -> None:
    """206 with the second half, whatever was asked for."""
    reply.status, reply.body, reply.start, reply.end = 206, None, visit.size // 2, visit.size
    reply.headers |= {
        "Content-Range": f"bytes {reply.start}-{visit.size - 1}/{visit.size}",
        "Content-Length": str(visit.size - reply.start),
    }


@mode("size-lied")
def size_lied(reply: Reply, visit: Visit) -> None:
    """X-Linked-Size, as Hugging Face says it, is no number."""
    reply.headers["X-Linked-Size"] = "\u00b9\u00b2"


@mode("no-content")
def no_content(reply: Reply, visit: Visit) -> None:
    """204."""
    reply.says(204)
    del reply.headers["Content-Length"]


@mode("patience-for-ever")
def patience_for_ever(reply: Reply, visit: Visit) -> None:
    """503 with Retry-After of 400 digits."""
    reply.says(503, Retry_After="9" * 400)


@mode("patience-until-9999")
def patience_until_9999(reply: Reply, visit: Visit) -> None:
    """429 with Retry-After at the end of all dates."""
    reply.says(429, Retry_After="Fri, 31 Dec 9999 23:59:59 -2359")


@mode("headers-many")
def headers_many(reply: Reply, visit: Visit) -> None:
    """500 headers."""
    reply.headers |= {f"X-Header-{number}": "x" for number in range(500)}


@mode("header-long")
def header_long(reply: Reply, visit: Visit) -> None:
    """A header of 100,000 letters."""
    reply.headers["X-Long"] = "x" * 100_000


@mode("status-odd")
def status_odd(reply: Reply, visit: Visit) -> None:
    """HTTP/1.1 999."""
    reply.raw = b"HTTP/1.1 999 Whatever\r\nContent-Length: 0\r\n\r\n"


@mode("continues")
def continues(reply: Reply, visit: Visit) -> None:
    """100 Continue, 5,000 times, and nothing else."""
    reply.raw = b"HTTP/1.1 100 Continue\r\n\r\n" * 5000


@mode("name-elsewhere")
def name_elsewhere(reply: Reply, visit: Visit) -> None:
    """Right, with a Content-Disposition that names a file in another folder."""
    reply.headers["Content-Disposition"] = 'attachment; filename="../../outside"'
