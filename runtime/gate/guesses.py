"""How often somebody may be wrong: after a few wrong passwords the next try has to wait, longer each time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any

from runtime.visitors import LINK

#: wrong tries that cost nothing: of one name from one address, and of all names from one address
_FREE, _FREE_OF_ADDRESS = 5, 20
#: seconds after which they are forgotten, and what the first wait is; each further one is twice as long
_FORGOTTEN, _FIRST, _LONGEST = 60.0, 10.0, 900.0
#: wrong tries of one name from all places together: so many at once, then one in so many seconds
_OF_NAME, _SECONDS_EACH = 100.0, 10.0
#: of one name from one place so many wrong passwords are remembered: a program with an old one, sent again and again
_REMEMBERED = 16
_MOST = 10_000


@dataclass
class _Tries:
    wrong: int = 0
    #: on the clock: when the last was, and before when no other counts
    last: float = 0.0
    until: float = 0.0


@dataclass
class Guesses:
    """Counts wrong passwords; `clock` in seconds."""

    clock: Callable[[], float] = time.monotonic
    _tries: dict[tuple[str, str | None], _Tries] = field(default_factory=dict)
    #: wrong tries that each name has left, and when that was; a name that is not here has all
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)
    #: where a name was proved: strangers' guesses do not keep its owner out there
    _proved: dict[tuple[str, str], None] = field(default_factory=dict)
    #: how often each wrong password was sent, by its digest
    _sent: dict[tuple[str, str], dict[bytes, int]] = field(default_factory=dict, repr=False)

    def wait(self, address: str, name: str) -> float:
        """Seconds until this name may be tried from this address again; 0: now."""
        now = self.clock()
        waits = [self._tries[key].until - now for key, _ in _keys(address, name) if key in self._tries]
        return max([0.0, *waits, self._wait_of_name(place_of(address), name[:200])])

    def _wait_of_name(self, place: str, name: str) -> float:
        if (place, name) in self._proved:
            return 0.0
        return (1 - self._left_of(name)) * _SECONDS_EACH

    def _left_of(self, name: str) -> float:
        left, then = self._left.get(name, (_OF_NAME, 0.0))
        return min(_OF_NAME, left + (self.clock() - then) / _SECONDS_EACH)

    def wrong(self, address: str, name: str, password: str) -> None:
        """This password was wrong. The same one over and over is no guess, and counts a few times only."""
        if self._sent_before(address, name, password) >= _FREE:
            return
        now = self.clock()
        for key, free in _keys(address, name):
            tries = self._tries.pop(key, None) or _Tries()
            if now - max(tries.last, tries.until) > _FORGOTTEN:
                tries = _Tries()
            tries.wrong, tries.last = tries.wrong + 1, now
            if tries.wrong >= free:
                tries.until = now + min(_LONGEST, _FIRST * 2 ** min(tries.wrong - free, 10))
            # a dict keeps the order: the oldest goes first
            self._tries[key] = tries
        left = max(0.0, self._left_of(name[:200]) - 1)
        self._left.pop(name[:200], None)
        self._left[name[:200]] = (left, now)
        for kept in (self._tries, self._left):
            _forget_oldest(kept)

    def _sent_before(self, address: str, name: str, password: str) -> int:
        """How often it was sent already; it counts from now on."""
        here, digest = (place_of(address), name[:200]), sha256(password.encode("utf-8", "surrogatepass")).digest()
        sent = self._sent.pop(here, {})
        before = sent.pop(digest, 0)
        sent[digest] = before + 1
        while len(sent) > _REMEMBERED:
            del sent[next(iter(sent))]
        self._sent[here] = sent
        _forget_oldest(self._sent)
        return before

    def right(self, address: str, name: str) -> None:
        """A password was right: the name's wrong ones are forgotten, the address's are not."""
        here = (place_of(address), name[:200])
        self._tries.pop(here, None)
        if here[0] != LINK:
            self._proved.pop(here, None)
            self._proved[here] = None
            _forget_oldest(self._proved)


def _forget_oldest(kept: dict[Any, Any]) -> None:
    while len(kept) > _MOST:
        del kept[next(iter(kept))]


def _keys(address: str, name: str) -> tuple[tuple[tuple[str, str | None], int], ...]:
    """What is counted, and how often it may be wrong. Through a link or a proxy come many under one address: there a
    stranger's wrong names must not keep the owner out.
    """
    place = place_of(address)
    of_name = ((place, name[:200]), _FREE)
    return (of_name,) if place == LINK else (of_name, ((place, None), _FREE_OF_ADDRESS))


def place_of(address: str) -> str:
    """One place: of IPv6 the first half, for one customer has all addresses of the second."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped) if found.ipv4_mapped else str(IPv6Network((found, 64), strict=False))
