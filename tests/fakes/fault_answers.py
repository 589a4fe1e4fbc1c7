"""The fault server's modes that answer with something else: redirects, refusals, pages."""

from __future__ import annotations

from tests.fakes.fault_replies import MODES, PAGE, Reply, Visit, answers, mode

MODES |= {
    "redirect": answers(
        "302 to the file in mode ok, by a relative address.", 302, Location=lambda visit: "/ok/" + visit.path
    ),
    "redirect-loop": answers("301 to itself.", 301, Location=lambda visit: visit.url("redirect-loop", False)),
    "redirect-host": answers(
        "302 to the file in mode ok at another host.", 302, Location=lambda visit: visit.url("ok", True)
    ),
    "redirect-plain": answers(
        "302 to an http:// address (of interest where this one is https://).", 302,
        Location=lambda visit: visit.url("ok", False).replace("https://", "http://"),
    ),
    "redirect-file": answers("302 to file:///, which is no web address.", 302, Location="file:///etc/hostname"),
    "401": answers("Asks for a password.", 401, WWW_Authenticate='Basic realm="models"'),
    "403": answers("Refused, for good.", 403, b"Forbidden"),
    "404": answers("Not here.", 404, PAGE, "text/html"),
    "416": answers("Whatever is asked for: 416.", 416, Content_Range=lambda visit: f"bytes */{visit.size}"),
    "500": answers("Out of order.", 500, b"Internal Server Error"),
    "html": answers("A web page with 200.", 200, PAGE, "text/html; charset=utf-8"),
    "html-as-binary": answers("A web page that is called application/octet-stream.", 200, PAGE,
                              "application/octet-stream"),
    "captive": answers(
        "302 to the login page of a network, at another host.", 302, Location=lambda visit: visit.url("html", True)
    ),
    "login-511": answers("511 Network Authentication Required.", 511, PAGE, "text/html"),
}  # fmt: skip


@mode("403-for-a-while")
def forbidden_for_a_while(reply: Reply, visit: Visit) -> None:
    """Refused with Retry-After: so many seconds (1), the first time only."""
    if visit.number == 1:
        reply.says(403, Retry_After=_seconds(visit))


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


@mode("503-twice")
def unavailable_twice(reply: Reply, visit: Visit) -> None:
    """503 the first two times, then right."""
    if visit.number <= 2:
        reply.says(503)


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
