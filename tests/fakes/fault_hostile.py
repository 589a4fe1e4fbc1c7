"""The fault server's modes that mean harm: bombs, headers that no library expects, redirects out of the web."""

from __future__ import annotations

import gzip

from tests.fakes.fault_replies import HOSTILE, Reply, Visit, adds, answers, mode

__all__ = ["HOSTILE"]

_BOMB = gzip.compress(bytes(96 * 1024 * 1024), 9)

HOSTILE |= {
    "gzip-bomb": answers("100 kB that unpack to 96 MiB of zeros.", 200, _BOMB, "application/octet-stream",
                         Content_Encoding="gzip"),
    "gzip-broken": adds("Content-Encoding: gzip, and what comes is not packed.", {"Content-Encoding": "gzip"},
                        whole=True),
    "encoding-unknown": adds("A Content-Encoding that nobody knows.", {"Content-Encoding": "x-secret"}, whole=True),
    "redirect-script": answers("302 to a javascript: address.", 302, Location="javascript:alert(1)"),
    "redirect-data": answers("302 to a data: address that holds another file.", 302,
                             Location="data:application/octet-stream;base64,QUFBQQ=="),
    "redirect-broken": answers("302 to what is no address: a bracket that is never closed.", 302,
                               Location="http://[::1"),
    "redirect-port": answers("302 to a port that no computer has.", 302, Location="http://127.0.0.1:99999/"),
    "redirect-nowhere": answers("302 with an empty Location.", 302, Location=""),
    "redirect-far": answers("302 to an address longer by one, each time.", 302,
                            Location=lambda visit: visit.url("redirect-far", False) + f"?{visit.number}"),
    "length-superscript": adds("Content-Length is a digit that is no number: \u00b2.", {"Content-Length": "\u00b2"},
                               closes=True),
    "length-negative": adds("Content-Length is below nothing.", {"Content-Length": "-5"}, closes=True),
    "length-endless": adds("Content-Length has 5,000 digits.", {"Content-Length": "9" * 5000}, closes=True),
    "length-exabyte": adds("Content-Length is an exabyte.", {"Content-Length": str(10**18)}, closes=True),
    "size-lied": adds("X-Linked-Size, as Hugging Face says it, is no number.", {"X-Linked-Size": "\u00b9\u00b2"}),
    "patience-for-ever": answers("503 with Retry-After of 400 digits.", 503, Retry_After="9" * 400),
    "patience-until-9999": answers("429 with Retry-After at the end of all dates.", 429,
                                   Retry_After="Fri, 31 Dec 9999 23:59:59 -2359"),
    "headers-many": adds("500 headers.", {f"X-Header-{number}": "x" for number in range(500)}),
    "header-long": adds("A header of 100,000 letters.", {"X-Long": "x" * 100_000}),
    "name-elsewhere": adds("Right, with a Content-Disposition that names a file in another folder.",
                           {"Content-Disposition": 'attachment; filename="../../outside"'}),
}  # fmt: skip


@mode("range-endless", HOSTILE)
def range_endless(reply: Reply, visit: Visit) -> None:
    """206 whose Content-Range has 5,000 digits."""
    reply.status = 206
    reply.headers["Content-Range"] = f"bytes 0-{'9' * 5000}/{'9' * 5000}"


@mode("part-unasked", HOSTILE)
def part_unasked(reply: Reply, visit: Visit) -> None:
    """206 with the second half, whatever was asked for."""
    reply.status, reply.body, reply.start, reply.end = 206, None, visit.size // 2, visit.size
    reply.headers |= {
        "Content-Range": f"bytes {reply.start}-{visit.size - 1}/{visit.size}",
        "Content-Length": str(visit.size - reply.start),
    }


@mode("no-content", HOSTILE)
def no_content(reply: Reply, visit: Visit) -> None:
    """204."""
    reply.says(204)
    del reply.headers["Content-Length"]


@mode("status-odd", HOSTILE)
def status_odd(reply: Reply, visit: Visit) -> None:
    """HTTP/1.1 999."""
    reply.raw = b"HTTP/1.1 999 Whatever\r\nContent-Length: 0\r\n\r\n"


@mode("continues", HOSTILE)
def continues(reply: Reply, visit: Visit) -> None:
    """100 Continue, 5,000 times, and nothing else."""
    reply.raw = b"HTTP/1.1 100 Continue\r\n\r\n" * 5000
