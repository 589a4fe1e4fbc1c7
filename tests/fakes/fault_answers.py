"""The fault server's modes that answer with something else: redirects, refusals, pages."""

from __future__ import annotations

from tests.fakes.fault_replies import PAGE, Reply, Visit, mode


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
    reply.says(302, Location=visit.url("html", True))


@mode("login-511")
def login_511(reply: Reply, visit: Visit) -> None:
    """511 Network Authentication Required."""
    reply.says(511, PAGE, "text/html")


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
