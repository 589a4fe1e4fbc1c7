"""How many connections are open at all and from one place, and which of them are given up for being slow.

The gate sees a request once its headers are there; what holds a connection before that, or after it, is seen here. With
TLS a connection counts before the two have agreed on keys.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
from asyncio.sslproto import SSLProtocol
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import get_remote_addr

from runtime.gate.guesses import place_of

#: open at once from other computers, of these from one place, and as many again from this computer: its own programs,
#: and whoever comes by the public link or a proxy
MOST, OF_ONE_PLACE = 1000, 250
#: open files that are asked of the system for them, those of them that the rest of the server needs (half of few), and
#: those below which that is said
_FILES, _OTHER_FILES, _FEW_FILES = 4096, 128, 200
#: that are taken at one look for new ones, and the looks until one that finds no room has ended
_ARRIVING, _LOOKS = 2048, 4
#: bytes that h11 takes before a head is whole: more than the gate lets in, so that the gate answers
HEAD_BYTES = 131_072
#: bytes a second below which an answer counts as unread
_SLOWEST = 1024
#: seconds, a day: TLS' end is given up by what is unread, and not by its time
_FAREWELL = 86_400
_HERE = "here"


@dataclass
class Open:
    """The connections of one server.

    `arriving` are taken at once, whether there is room or not; `files` may be open at once, None where nobody counts.
    `handshake`, `head` and `rest` are the seconds that the beginning of TLS, a head and what comes of a body after its
    answer may take, `unread` those that an answer may lie there, `look` those between two looks at it.
    """

    most: int = MOST
    of_one_place: int = OF_ONE_PLACE
    arriving: int = _ARRIVING
    files: int | None = None
    handshake: float = 10.0
    head: float = 30.0
    rest: float = 600.0
    unread: float = 120.0
    look: float = 5.0
    _places: Counter[str] = field(default_factory=Counter)
    _elsewhere: int = 0

    @property
    def warning(self) -> str | None:
        """What the start says where there are few files."""
        if self.files is None or self.files >= _FEW_FILES:
            return None
        return (
            f"The system lets this server have {self.files} files open at once, so it takes {self.most} connections "
            f"from other computers and as many from this one. Allow it {_FILES} (ulimit -n; LimitNOFILE of a service)."
        )

    def enter(self, address: str) -> str | None:
        """The place of this address, which has one connection more until it leaves; None where there is no room."""
        place = _HERE if _is_here(address) else place_of(address)
        full = self._elsewhere >= self.most or self._places[place] >= self.of_one_place
        if self._places[_HERE] >= self.most if place == _HERE else full:
            return None
        self._places[place] += 1
        self._elsewhere += place != _HERE
        return place

    def leave(self, place: str) -> None:
        """A connection from this place has ended."""
        self._places[place] -= 1
        self._elsewhere -= place != _HERE
        if not self._places[place]:
            del self._places[place]


class Connection(H11Protocol):
    """One connection of uvicorn's, counted and watched."""

    all: ClassVar[Open]
    _place: str | None = None
    #: what bytes go out by: of TLS not what the answers are written to
    _wire: asyncio.Transport | None = None
    _timer: asyncio.TimerHandle | None = None
    #: a head has begun to come
    _begun = False
    #: on the loop's clock: since when a head is waited for, and when somebody last read of the answer
    _since = _read = 0.0
    #: bytes of an answer that lay unread at the last look
    _unread = 0

    def enter(self, wire: asyncio.Transport) -> bool:
        """It counts from now on; False where there is no room."""
        self._wire = wire
        self._place = self.all.enter((get_remote_addr(wire) or ("", 0))[0])
        return self._place is not None

    def leave(self) -> None:
        """It counts no more."""
        if self._place is not None:
            self.all.leave(self._place)
            self._place = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._wire is None and not self.enter(transport):
            self._say(b"503 Service Unavailable", b"Retry-After: 5\r\n")
            return
        self._since = self._read = self.loop.time()
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer:
            self._timer.cancel()
        self.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        rest = self._rest
        if not (self._busy or self._begun or rest):
            self._begun, self._since = True, self.loop.time()
        super().data_received(data)
        self._begun = self._begun and not self._busy
        if rest and not self._busy and self.conn.their_state is h11.IDLE:
            # uvicorn waits for ever where the end of a body comes after the answer
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        self._since = self.loop.time()
        super().on_response_complete()

    @property
    def _busy(self) -> bool:
        """Is a request being answered? The gate looks at how its body comes."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _rest(self) -> bool:
        """Is a body on its way that was refused before it was read? Whoever sends it reads the answer afterwards."""
        return not self._busy and self.conn.their_state is h11.SEND_BODY

    def _look_later(self) -> None:
        self._timer = self.loop.call_later(self.all.look, self._look)

    def _look(self) -> None:
        now = self.loop.time()
        # TLS says farewell, and some never answer
        if self._lies_unread(now) or (self.transport.is_closing() and not self._unread):
            self.transport.abort()
        elif not self._busy and now - self._since > self.all.head and (self._begun or self.cycle is None):
            self._say(b"408 Request Timeout" if self._begun else b"")
        elif self._rest and now - self._since > self.all.rest:
            self._say(b"")
        else:
            self._look_later()

    def _lies_unread(self, now: float) -> bool:
        ways = {self.transport, self._wire or self.transport}
        before, self._unread = self._unread, sum(way.get_write_buffer_size() for way in ways)
        if not self._unread or self._unread > before or before - self._unread > _SLOWEST * self.all.look:
            self._read = now
        return now - self._read > self.all.unread

    def _say(self, status: bytes, headers: bytes = b"") -> None:
        """Nothing, or an answer without words, and the end."""
        if status:
            self.transport.write(b"HTTP/1.1 %b\r\nConnection: close\r\n%bContent-Length: 0\r\n\r\n" % (status, headers))
        self.transport.close()
        self._timer = self.loop.call_later(self.all.look, self.transport.abort)


class Secured(SSLProtocol):
    """TLS around a connection, which counts from the beginning; agreeing on keys has its time."""

    def __init__(self, inner: Connection, context: ssl.SSLContext) -> None:
        how: dict[str, Any] = {"server_side": True, "ssl_handshake_timeout": inner.all.handshake, "waiter": None}
        if sys.version_info >= (3, 11):
            # half a minute else, however much of an answer is on its way to a slow reader; we look at it ourselves
            how["ssl_shutdown_timeout"] = _FAREWELL
        super().__init__(inner.loop, inner, context, **how)
        self._inner = inner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a server is given no other
        if self._inner.enter(transport):
            super().connection_made(transport)
        else:
            # to say why would take the keys that are not there
            transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._inner.leave()
        super().connection_lost(exc)


def counted(connections: Open, context: ssl.SSLContext | None = None) -> Any:
    """What uvicorn takes for its connections; with a `context` they begin with TLS, and uvicorn is told of none."""
    plain = type("Counted", (Connection,), {"all": connections})

    if context is None:
        return plain
    return lambda **words: Secured(plain(**words), context)


def as_many_as_there_are_files() -> Open:
    """With fewer connections where the system lets this process open few files."""
    return as_many_as(_files())


def as_many_as(files: int | None) -> Open:
    """So many that no burst uses up the `files`; where one does, asyncio logs a traceback thousands of times."""
    if files is None:
        return Open()
    free = files - min(_OTHER_FILES, files // 2)
    arriving = max(1, min(_ARRIVING, free // 10))
    most = max(2, min(MOST, (free - _LOOKS * arriving) // 2))
    return Open(most, max(2, most // 4), arriving, files)


def _files() -> int | None:
    """How many files may be open at once, after more were asked for; None where nobody counts them."""
    if sys.platform == "win32":
        return None
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _FILES:
        wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def _is_here(address: str) -> bool:
    with contextlib.suppress(ValueError):
        found = ip_address(address.partition("%")[0])
        return (getattr(found, "ipv4_mapped", None) or found).is_loopback
    return False
