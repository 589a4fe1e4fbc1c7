"""Which web pages may make a browser send changes here: this server's own, and those that the flags name."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from runtime.api.errors import Refusal
from runtime.flags import Settings

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def _nothing(_: str) -> bool:
    return False


class Origins:
    """A browser says in `Origin` whose page asks; programs send none."""

    def __init__(self, settings: Settings) -> None:
        named = settings.text("cors_allow_origins") or ""
        self.named = tuple(filter(None, (part.strip() for part in named.split(","))))
        self.pattern = settings.text("cors_allow_origins_regex")

    def refuses(
        self,
        method: str,
        headers: Mapping[bytes, bytes],
        named: Callable[[str], bool] = _nothing,
        changing: bool = False,
    ) -> str | None:
        """The foreign page that would change something (`changing`: whatever the method); None lets the request in.

        `named` knows the names of this server that a person has written down: a page there is its own, whatever the
        port.

        What a page may read of other answers is the browser's business, by the CORS headers.
        """
        if method in _READING and not changing:
            return None
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin:
            return None if self._allowed(origin, headers, named) else origin
        # every browser that sends no Origin with a form says at least this; programs say neither
        site = headers.get(b"sec-fetch-site", b"same-origin").decode("latin-1")
        return None if site in ("same-origin", "none") else site

    def _allowed(self, origin: str, headers: Mapping[bytes, bytes], named: Callable[[str], bool]) -> bool:
        if "*" in self.named or origin in self.named:
            return True
        if self.pattern and re.fullmatch(self.pattern, origin):
            return True
        # no page can forge these two headers of a request to another host
        hosts = {headers.get(name, b"").decode("latin-1").lower() for name in (b"host", b"x-forwarded-host")}
        try:
            there = urlsplit(origin)
        except ValueError:
            return False
        return named(there.hostname or "") or _without_default(there.netloc) in map(_without_default, hosts - {""})


def foreign(page: str) -> Refusal:
    """Of what a page from elsewhere asks. A proxy that does not pass on this server's own name looks like one."""
    hint = "Open this server's own page, or start it with --cors-allow-origins."
    with contextlib.suppress(ValueError):
        if name := urlsplit(page).hostname:
            hint = (
                f"If a proxy brings others here by that name, start Gesso with --allow-host {name:.200}; if it is "
                f"another page that may use this server, with --cors-allow-origins {page:.200}."
            )
    return Refusal(403, "foreign-origin", f"The page {page:.200} may not use this server.", hint)


def _without_default(host: str) -> str:
    """A host without the port that its scheme has anyway; which scheme it was, a proxy may have changed."""
    return re.sub(r":(80|443)$", "", host.lower())
