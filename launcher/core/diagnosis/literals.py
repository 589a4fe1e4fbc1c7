"""Finds which of all rules' literals stand in which lines, in one pass over the text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

import ahocorasick

Meaning = TypeVar("Meaning", bound=Hashable)


class Literals(Generic[Meaning]):
    """Literals, and what each of them stands for; the case of letters does not count."""

    def __init__(self, literals: Mapping[str, Iterable[Meaning]]) -> None:
        self._search = ahocorasick.Automaton()
        meanings: dict[str, list[Meaning]] = {}
        for literal, stands_for in literals.items():
            meanings.setdefault(literal.lower(), []).extend(stands_for)
        for literal, each in meanings.items():
            self._search.add_word(literal, tuple(each))
        self._search.make_automaton()

    def find(self, lines: Sequence[str]) -> Iterator[tuple[int, Meaning]]:
        """The index of a line with what it holds, in the order of the lines, each once."""
        return ((index, meaning) for index, _, meaning in self.places(lines))

    def places(self, lines: Sequence[str]) -> Iterator[tuple[int, int, Meaning]]:
        """The same with the place in the line at which the literal ends."""
        if not len(self._search):
            return
        text = "\n".join(lines).lower()
        starts: list[int] = []
        at, seen = -1, set[Meaning]()
        for end, meanings in self._search.iter(text):
            # most portions of a log hold nothing, and need not know where their lines begin
            starts = starts or _starts(text, lines)
            if at < 0 or end >= starts[at + 1]:
                at, seen = bisect_right(starts, end) - 1, set()
            for meaning in meanings:
                if meaning not in seen:
                    seen.add(meaning)
                    yield at, end - starts[at], meaning


def _starts(text: str, lines: Sequence[str]) -> list[int]:
    """Where each line begins in `text`, its lower case: that of some letters is longer than they are."""
    low = lines if text.isascii() else text.split("\n")
    return list(accumulate((len(line) + 1 for line in low), initial=0))
