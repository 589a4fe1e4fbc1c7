"""What a mode of the fault server is: a function that takes the honest reply to a request and twists it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please accept the terms.</body></html>\n" * 4


@dataclass
class Reply:
    """An answer before it is sent; `bytes_at(start, end)` reads the content as it is."""

    status: int
    headers: dict[str, str]
    bytes_at: Callable[[int, int], bytes]
    start: int = 0
    end: int = 0
    #: seconds before the first byte of the headers, and between two of them
    delay: float = 0.0
    header_delay: float = 0.0
    #: bytes per second of the body
    rate: float | None = None
    #: after so many bytes of the body: `stall`, `close` or `reset`
    breaks_at: int | None = None
    breaks_by: str = "close"
    #: sent in chunks, the chunk at this place being broken (-1: none is)
    chunked: bool = False
    broken_chunk: int = -1
    #: sent in place of the content's bytes, and after them
    body: bytes | None = None
    tail: bytes = b""
    endless: bool = False
    #: sent in place of everything
    raw: bytes | None = None
    closes: bool = False

    @property
    def length(self) -> int:
        return (self.end - self.start if self.body is None else len(self.body)) + len(self.tail)

    def says(self, status: int, body: bytes = b"", kind: str = "text/plain", **headers: str) -> None:
        """Another answer altogether."""
        self.status, self.body, self.start, self.end = status, body, 0, 0
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        self.headers = {"Content-Type": kind, "Content-Length": str(len(body)), **more}

    def only_whole(self, size: int) -> None:
        """As if no range had been asked for."""
        self.status, self.body, self.start, self.end = 200, None, 0, size
        self.headers.pop("Content-Range", None)
        self.headers["Content-Length"] = str(size)


@dataclass(frozen=True)
class Visit:
    """One request, as a mode sees it: `number` counts those for this mode and path, from 1."""

    method: str
    path: str
    number: int
    size: int
    asked_range: str | None
    etag: str
    #: what stands behind the mode's name
    amount: float | None
    #: the address of `path` in another mode, at this host or at the other one
    url: Callable[[str, bool], str] = field(repr=False)

    def part(self, otherwise: float) -> int:
        """So many bytes of the content, the amount being a fraction of it."""
        return int(self.size * (otherwise if self.amount is None else self.amount))


Mode = Callable[[Reply, Visit], None]
MODES: dict[str, Mode] = {}
#: those that mean harm
HOSTILE: dict[str, Mode] = {}


def mode(name: str, table: dict[str, Mode] = MODES) -> Callable[[Mode], Mode]:
    """Enters a function into a table; its docstring is the mode's line."""

    def enter(function: Mode) -> Mode:
        table[name] = function
        return function

    return enter


def answers(
    line: str, status: int, body: bytes = b"", kind: str = "text/plain", **headers: str | Callable[[Visit], str]
) -> Mode:
    """A mode that gives another answer altogether; what a header says may depend on the visit."""

    def answer(reply: Reply, visit: Visit) -> None:
        told = {name: value if isinstance(value, str) else value(visit) for name, value in headers.items()}
        reply.says(status, body, kind, **told)

    answer.__doc__ = line
    return answer


def adds(line: str, headers: Mapping[str, str], *, whole: bool = False, closes: bool = False) -> Mode:
    """A mode that says something more, or something else, in its headers; `whole`: to a range too."""

    def add(reply: Reply, visit: Visit) -> None:
        if whole:
            reply.only_whole(visit.size)
        reply.headers |= headers
        reply.closes = closes

    add.__doc__ = line
    return add
