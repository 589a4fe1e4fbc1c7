"""Which names of this server a request may ask for: a page elsewhere that makes its name point here is not let in.

An address in digits cannot be such a page's name, so that every one is let in where others may come; a server for this
computer alone is asked by its own names only, since by any other a proxy here would bring others in with all rights.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from runtime.api.errors import Refusal
from runtime.flags import Settings, UsageError

#: this computer, as containers on it call it; nobody can own a name under .internal
_DOCKER = "host.docker.internal"
#: names of which the log tells that they are not known
_TOLD = 10
#: what Gradio takes its own address from
_OF_PROXIES = (b"x-forwarded-host", b"x-forwarded-proto", b"x-gradio-server")
_LOG = logging.getLogger(__name__)


@dataclass
class Hosts:
    """The names, without ports and in small letters."""

    names: set[str] = field(default_factory=set)
    #: of these, what a person or the public link has named
    named: set[str] = field(default_factory=set)
    #: is it for this computer alone?
    alone: bool = False
    _told: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, settings: Settings) -> Hosts:
        """UsageError where --allow-host names nothing."""
        written = {_written(name) for name in settings.flags["allow_host"]}
        others = _others(settings) if settings.exposed else ()
        names = {"localhost", _DOCKER, *written, *(_plain(name) for name in (settings.host, *others))} - {""}
        return cls(names, written, not settings.exposed)

    def allow(self, name: str) -> None:
        """From now on this one too."""
        self.names.add(_plain(name))
        self.named.add(_plain(name))

    def knows(self, header: str) -> bool:
        """May a request with this Host header come in?"""
        name = host_in(header)
        ours = name in self.names or name.endswith(".localhost") or _is_address(name, self.alone)
        return ours or self.is_named(name)

    def is_named(self, name: str) -> bool:
        """Has a person, or the public link, named this one, or all below something?"""
        return name in self.named or any(name.endswith(each[1:]) for each in self.named if each.startswith("*."))

    def known_ones(self, headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Without what would make Gradio write another server's address into its page: of a proxy's words, as of all
        that a stranger can send, only our own names count.
        """
        kept = [(name, value) for name, value in headers if name not in _OF_PROXIES or self._is_ours(name, value)]
        if len(kept) < len(headers):
            self._tell(dict(headers).get(b"x-forwarded-host", b""))
        return kept

    def _tell(self, header: bytes) -> None:
        """Of a few names only: whoever is let in may send any."""
        name = host_in(header.decode("latin-1").partition(",")[0])[:100]
        if name and not self.knows(name) and name not in self._told and len(self._told) < _TOLD:
            self._told.add(name)
            _LOG.warning(
                "A proxy brings others here as %s, and the page will not work for them: start with --allow-host %s.",
                name,
                name,
            )

    def _is_ours(self, name: bytes, value: bytes) -> bool:
        first = value.decode("latin-1").partition(",")[0].strip()
        if name == b"x-forwarded-host":
            return re.fullmatch(r"[\w.\-\[\]:]+", first) is not None and self.knows(first)
        return name == b"x-forwarded-proto" and first in ("http", "https")

    def refusal(self, header: str) -> Refusal:
        """Of a request with this Host header."""
        name = host_in(header)[:200]
        what = f"This server does not go by the name {name}." if name else "The request names no server."
        hint = f"Start it with --allow-host {name or 'NAME'} to let that name in."
        return Refusal(421, "unknown-host", what, hint)


def _others(settings: Settings) -> Iterator[str]:
    """By which other computers may call it without more words."""
    # whoever names a page that may call this server most often serves it under that name too
    for origin in (settings.text("cors_allow_origins") or "").split(","):
        yield urlsplit(origin.strip()).hostname or ""
    with contextlib.suppress(OSError):
        yield from (socket.gethostname(), f"{socket.gethostname().split('.')[0]}.local")


def host_in(header: str) -> str:
    """The name that a Host header asks for, without its port."""
    return _plain(_without_port(header.strip()))


def _written(name: str) -> str:
    """A name as somebody wrote it down, who may have copied an address; `*.` before it stands for all below it."""
    found = host_in(name.rpartition("://")[2].partition("/")[0])
    rest = found.removeprefix("*.")
    if not rest or "*" in rest or (rest != found and "." not in rest):
        raise UsageError(f"--allow-host needs a name that this server is called by, as art.example.org, not {name!r}.")
    return found


def _without_port(host: str) -> str:
    return re.sub(r":\d{0,5}$", "", host) if host.endswith("]") or host.count(":") == 1 or "]:" in host else host


def _plain(name: str) -> str:
    return name.strip().strip("[]").lower().removesuffix(".")


def _is_address(name: str, own: bool) -> bool:
    """`own`: one that leads from this computer to itself; browsers go there for 0.0.0.0 too."""
    try:
        address = ip_address(name)
    except ValueError:
        return False
    return not own or address.is_loopback or address.is_unspecified
