"""Finds which of all rules' literals stand in which lines, in one pass over the text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from string import ascii_lowercase
from typing import Any, Generic, TypeVar

import ahocorasick

Meaning = TypeVar("Meaning", bound=Hashable)


#: every digit becomes a 0; what is left out where numbers are looked for
_DIGITS, _LETTERS = bytes.maketrans(b"123456789", b"000000000"), ascii_lowercase.encode()
#: shapes of lines that are remembered, and the bytes that one may have
_REMEMBERED, _LONGEST = 4096, 1000


class Literals(Generic[Meaning]):
    """Literals, and what each of them stands for; the case of letters does not count.

    A flood is a few lines over and over with other numbers in them. So lines are first told apart by their shape,
    which has a 0 for every digit: whether one may hold a literal is found out once.
    """

    def __init__(self, literals: Mapping[str, Iterable[Meaning]]) -> None:
        meanings: dict[str, list[Meaning]] = {}
        for literal, stands_for in literals.items():
            meanings.setdefault(literal.lower(), []).extend(stands_for)
        self._search = _automaton({literal: tuple(each) for literal, each in meanings.items()})
        # Those without a letter have the shape of any number, and are looked for as they are.
        numbers = {literal for literal in meanings if not any(map(str.isalpha, literal))}
        self._numbers = _automaton(dict.fromkeys(numbers, ()))
        self._shapes = _automaton({_shape(literal).decode(): () for literal in meanings.keys() - numbers})
        #: of a line of this shape: may it hold a literal that has a letter?
        self._worth: dict[bytes, bool] = {}

    def find(self, lines: Sequence[str]) -> Iterator[tuple[int, Meaning]]:
        """The index of a line with what it holds, in the order of the lines, each once."""
        return ((index, meaning) for index, _, meaning in self.places(lines))

    def places(self, lines: Sequence[str]) -> Iterator[tuple[int, int, Meaning]]:
        """The same with the place in the line at which the literal ends; no line has a line feed in it."""
        low = "\n".join(lines).lower()
        worth = self._worth_reading(low)
        if not worth:
            return
        every = low.split("\n")
        some = [every[index] for index in worth]
        starts = _starts(some)
        at, seen = -1, set[Meaning]()
        for end, meanings in _hits(self._search, "\n".join(some)):
            if at < 0 or end >= starts[at + 1]:
                at, seen = bisect_right(starts, end) - 1, set()
            for meaning in meanings:
                if meaning not in seen:
                    seen.add(meaning)
                    yield worth[at], end - starts[at], meaning

    def _worth_reading(self, low: str) -> list[int]:
        """The indices of the lines that may hold a literal; most portions of a log have none."""
        written = low.encode("utf-8", "surrogatepass")
        shapes = written.translate(_DIGITS).split(b"\n")
        self._judge({shape for shape in shapes if shape not in self._worth})
        found = {index for index, shape in enumerate(shapes) if self._worth.get(shape, True)}
        numbers = written.translate(None, _LETTERS).decode("utf-8", "surrogatepass")
        found.update(numbers.count("\n", 0, end) for end, _ in _hits(self._numbers, numbers))
        return sorted(found)

    def _judge(self, shapes: set[bytes]) -> None:
        new = [shape for shape in shapes if len(shape) <= _LONGEST]
        if not new:
            return
        if len(self._worth) > _REMEMBERED:
            self._worth.clear()
        texts = [shape.decode("utf-8", "surrogatepass") for shape in new]
        starts = _starts(texts)
        held = {bisect_right(starts, end) - 1 for end, _ in _hits(self._shapes, "\n".join(texts))}
        self._worth.update((shape, index in held) for index, shape in enumerate(new))


def _automaton(words: Mapping[str, Any]) -> Any:
    made = ahocorasick.Automaton()
    for word, value in words.items():
        made.add_word(word, value)
    made.make_automaton()
    return made


def _hits(automaton: Any, text: str) -> Iterable[tuple[int, Any]]:
    """The place at which each word ends, with its value."""
    return automaton.iter(text) if len(automaton) else ()


def _shape(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass").translate(_DIGITS)


def _starts(lines: Sequence[str]) -> list[int]:
    """Where each line begins in all of them together."""
    return list(accumulate((len(line) + 1 for line in lines), initial=0))
