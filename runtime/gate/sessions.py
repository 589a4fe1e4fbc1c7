"""Who has logged in on the page: random cookies, of which only digests are kept, in memory alone."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import cookie_parser
from starlette.responses import Response

from runtime.gate.accounts import Who

#: seconds that nobody used it after which a login ends
_LASTS = 7 * 86400.0
_MOST = 1000


@dataclass
class Sessions:
    """All logins of this server; they end with it."""

    clock: Callable[[], float] = time.monotonic
    _found: dict[bytes, tuple[Who, float]] = field(default_factory=dict, repr=False)

    def begin(self, who: Who) -> str:
        """A new cookie's value; of too many logins the one used longest ago ends."""
        token = secrets.token_urlsafe(32)
        self._found[_digest(token)] = (who, self.clock())
        while len(self._found) > _MOST:
            del self._found[min(self._found, key=lambda each: self._found[each][1])]
        return token

    def who(self, token: str) -> Who | None:
        """Whose cookie this is; None where it is nobody's any more."""
        key = _digest(token)
        who, used = self._found.get(key, (None, 0.0))
        if who is None or self.clock() - used > _LASTS:
            self._found.pop(key, None)
            return None
        self._found[key] = (who, self.clock())
        return who

    def end(self, token: str) -> None:
        self._found.pop(_digest(token), None)


def cookie_name(port: int) -> str:
    """Browsers share cookies between the ports of a host."""
    return f"gesso-{port}"


def token_in(cookies: str, name: str) -> str | None:
    """The cookie of this name in a Cookie header."""
    return cookie_parser(cookies).get(name)


def give(response: Response, name: str, token: str, secure: bool) -> None:
    """No script reads it, and no other site's form brings it along."""
    response.set_cookie(name, token, max_age=int(_LASTS), httponly=True, samesite="lax", secure=secure)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
