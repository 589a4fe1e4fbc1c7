"""Which pages of a browser may make this server do something: its own, and those of --cors-allow-origins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.responses import Response

from runtime.api.errors import four_keys
from runtime.flags import Settings

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Origins:
    """A browser says in `Origin` whose page asks; programs send none."""

    def __init__(self, settings: Settings) -> None:
        named = settings.text("cors_allow_origins") or ""
        self.named = tuple(filter(None, (part.strip() for part in named.split(","))))
        self.pattern = settings.text("cors_allow_origins_regex")

    def refuse(self, method: str, headers: Mapping[bytes, bytes]) -> Response | None:
        """The 403 for a foreign page that would change something; None lets the request in.

        What a page may read of the answers is the browser's business, by the CORS headers.
        """
        origin = headers.get(b"origin", b"").decode("latin-1")
        if method in _READING or not origin or self._allowed(origin, headers):
            return None
        hint = "Open the page from this server, or start it with --cors-allow-origins."
        return four_keys(403, "foreign-origin", f"The page {origin:.200} may not use this server.", hint=hint)

    def _allowed(self, origin: str, headers: Mapping[bytes, bytes]) -> bool:
        if "*" in self.named or origin in self.named:
            return True
        if self.pattern and re.fullmatch(self.pattern, origin):
            return True
        # no page can forge these two headers of a request to another host
        hosts = {headers.get(name, b"").decode("latin-1").lower() for name in (b"host", b"x-forwarded-host")}
        return urlsplit(origin).netloc.lower() in hosts - {""}
