"""What is to be downloaded, from where, and how long anybody waits: the values that every part of the door knows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from launcher.core.text import Text

#: the proxy's address for a url, or None for a direct connection; behind the url the one that led to it, or itself
Route = Callable[[str, str], "str | None"]


def direct(url: str, led_by: str) -> str | None:  # noqa: ARG001 - a Route like any other
    """The route without a proxy."""
    return None


@dataclass(frozen=True)
class Address:
    """One place that has the file; members of one `group` have the same upstream and fail together."""

    url: str
    group: str = "official"
    name: str = ""
    #: the header's value; sent to the host of `url` alone, never to where it redirects
    authorization: str | None = field(default=None, repr=False)
    #: False: it may have other bytes, which would cost the whole file; it is asked when nobody else is left
    sure: bool = field(default=True, compare=False)
    #: the page that named it, whose way it goes where the user has decided it
    led_by: str | None = field(default=None, repr=False, compare=False)

    @property
    def label(self) -> str:
        """How people are told of it: its name, else its host, never a password."""
        return self.name or host(self.url)

    @property
    def key(self) -> str:
        """What a state file calls it: an address may hold a secret."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Wanted:
    """One file: `addresses` in order of preference; `size` in bytes and `sha256` (hexadecimal) where they are known."""

    name: str
    target: Path
    addresses: tuple[Address, ...]
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class Patience:
    """How long to wait; in seconds but for the counts."""

    #: for a connection
    connect: float = 10.0
    #: for the next byte, the first included
    silence: float = 20.0
    #: an address that gives fewer bytes per second than `slow_rate` for `slow_time` is left while there is another
    slow_rate: int = 16 * 1024
    slow_time: float = 30.0
    #: a server that asks for a longer pause than this (Retry-After) is left
    longest_pause: float = 60.0
    #: before an address is asked again, doubled each time
    pause: float = 1.0
    #: bytes of a file of which nobody says how long it is: a server without end must not fill the disk
    longest_unknown: int = 4 * 1024**3
    #: fruitless attempts in a row after which an address is left for good
    strikes: int = 5


class TroubleError(Exception):
    """An address did not give what was asked for; the download goes on elsewhere, or here once more."""

    def __init__(
        self, kind: str, why: Text, *, final: bool = False, pause: float | None = None, restart: bool = False
    ) -> None:
        """`final`: do not ask it again; `pause`: seconds it asked for; `restart`: begin again with the first byte."""
        super().__init__(f"{kind}: {why}")
        self.kind, self.why, self.final, self.pause, self.restart = kind, why, final, pause, restart


class StoppedError(Exception):
    """The one who waits for the download no longer does."""


def host(url: str) -> str:
    """Host and port of an address, without user name, password or path."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or url
