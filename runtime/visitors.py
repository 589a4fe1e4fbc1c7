"""Who is here: the addresses that have a request open, or had one a moment ago; said whenever it changes."""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from runtime import protocol

#: a page that nobody touches asks for nothing: whoever asked lately still counts
_LINGER = 120.0
#: a change is said this much later, so that a flood of requests is said once
_GATHER = 0.5
#: more addresses are of no use to anybody
_MOST = 50
_KEPT = 1000
#: what comes through a public link comes from this computer, but asks for another host
LINK = "link"
#: in the scope of a request: the name that its credentials proved
USER = "gesso.user"


class Visitors:
    """Wraps the application. All of it runs in the event loop's thread."""

    def __init__(
        self,
        app: ASGIApp,
        announce: Callable[[protocol.Event], None],
        linger: float = _LINGER,
        gather: float = _GATHER,
    ) -> None:
        self._app, self._announce, self._linger, self._gather = app, announce, linger, gather
        self._open: Counter[str] = Counter()
        #: when each was last seen, on the loop's clock
        self._seen: dict[str, float] = {}
        self._said: tuple[str, ...] = ()
        self._due = self._sweeping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        address = address_of(scope)
        self._open[address] += 1
        self._saw(address)
        try:
            await self._app(scope, receive, send)
        finally:
            self._open[address] -= 1
            self._saw(address)

    def _saw(self, address: str) -> None:
        if address in self._seen or len(self._seen) < _KEPT:
            self._seen[address] = asyncio.get_running_loop().time()
        if not self._open[address]:
            del self._open[address]
        self._changed()
        self._sweep_later()

    def _sweep_later(self) -> None:
        if not self._sweeping and self._seen:
            self._sweeping = True
            asyncio.get_running_loop().call_later(self._linger, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = False
        gone = asyncio.get_running_loop().time() - self._linger
        self._seen = {who: seen for who, seen in self._seen.items() if seen > gone or self._open[who]}
        self._open = +self._open
        self._changed()
        self._sweep_later()

    def _changed(self) -> None:
        if not self._due and self._now() != self._said:
            self._due = True
            asyncio.get_running_loop().call_later(self._gather, self._say)

    def _say(self) -> None:
        self._due = False
        now = self._now()
        if now != self._said:
            self._said = now
            self._announce(protocol.Visitors(now))

    def _now(self) -> tuple[str, ...]:
        return tuple(sorted(self._seen)[:_MOST])


def client_of(scope: Scope) -> str:
    """Who takes turns with others: a name that was proved, else the address."""
    return str(scope.get(USER) or address_of(scope))


def address_of(scope: Scope) -> str:
    """The other side's address; LINK for what a tunnel or proxy on this computer brings."""
    host = (scope.get("client") or ("", 0))[0]
    if not _is_loopback(host):
        return str(host)
    asked = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    name = asked.rpartition(":")[0] if asked.rpartition(":")[2].isdecimal() else asked
    name = name.strip("[]").lower()
    return host if not name or name == "localhost" or _is_address(name) else LINK


def _is_loopback(host: str) -> bool:
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
