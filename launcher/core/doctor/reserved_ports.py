"""The ports that Windows keeps for itself, as `netsh` lists them in any language. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

#: two numbers, and a star for those that an administrator has kept
_LINE = re.compile(r"\s*(\d{1,5})\s+(\d{1,5})\s*\*?\s*")


@dataclass(frozen=True)
class Reserved:
    """From `first` to `last`, both included."""

    first: int
    last: int


def reserved(said: str) -> tuple[Reserved, ...]:
    """`netsh int ipv4 show excludedportrange protocol=tcp`: its words are in the user's language, its rows are not."""
    found = (_LINE.fullmatch(line) for line in said.splitlines())
    return tuple(Reserved(int(each[1]), int(each[2])) for each in found if each)


def holding(ranges: Iterable[Reserved], port: int) -> Reserved | None:
    """The range that `port` is in."""
    return next((each for each in ranges if each.first <= port <= each.last), None)
