"""Which line of the log, and which part of it, stands in which row of the screen; nothing here draws."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from rich.cells import cell_len, get_character_cell_size

from launcher.tui.line_breaks import divide_line
from launcher.tui.log_levels import INFO
from launcher.tui.log_store import LogStore

#: lines that are looked at together
_TOGETHER = 500


class Place(NamedTuple):
    """The line with this number, and the how manyth of its rows."""

    number: int
    part: int


def cells(text: str) -> int:
    """How wide the text is on a terminal."""
    return len(text) if text.isascii() else cell_len(text)


@lru_cache(maxsize=256)
def parts(text: str, width: int) -> tuple[str, ...]:
    """The text in rows of `width` cells, broken at blanks, which may hang over the edge; a longer word is cut."""
    if cells(text) <= width:
        return (text,)
    breaks = _breaks(text, width) if text.isascii() else divide_line(text, width)
    return tuple(text[start:end] for start, end in pairwise((0, *breaks, len(text))))


def _breaks(text: str, width: int) -> list[int]:
    """As `divide_line`, without looking at each word: a flood may have nothing but long lines."""
    found, at = [], 0
    while len(text) - at > width:
        blank = text.rfind(" ", at, at + width + 1)
        if text[at : max(at, blank)].strip():
            at = len(text) - len(text[blank:].lstrip(" "))
        else:
            at += width
        if at < len(text):
            found.append(at)
    return found


def _first(text: str, width: int) -> str:
    """As many characters as `width` cells hold; a wide one is never halved."""
    used = 0
    for at, character in enumerate(text):
        used += get_character_cell_size(character)
        if used > width:
            return text[:at]
    return text


def cut(text: str, left: int, width: int) -> tuple[int, str]:
    """What stands in `width` cells after the first `left` ones, and at which character that begins."""
    if text.isascii():
        return min(left, len(text)), text[left : left + width]
    start, passed = 0, 0
    while start < len(text) and passed < left:
        passed += get_character_cell_size(text[start])
        start += 1
    # Half of a wide character at the edge is a blank, and so has no place among the selected.
    blank = " " * max(0, passed - left)
    room = max(1, width - len(blank))
    return start - len(blank), (blank + _first(text[start:], room))[: max(1, width)]


class Rows:
    """The rows of those lines of `store` that are at least as serious as `minimum`, wrapped to `width` cells (None: a
    row each), once `catch_up` has been called.

    Rows are numbered on and on, as lines are: `first` is the oldest, `end` the next to come.
    """

    def __init__(self, store: LogStore, width: int | None, minimum: int = INFO) -> None:
        self._store, self._width, self._minimum = store, width, minimum
        self.first = self.end = 0
        #: of the widest line
        self.widest = 0
        self._numbers: list[int] = []
        # Where the rows of each of them end.
        self._ends: list[int] = []
        self._next = store.first

    def over(self, store: LogStore) -> None:
        """From now on these lines: the same, or a frozen copy."""
        self._store = store

    def catch_up(self) -> int:
        """Take in what has come, leave out what is kept no more; how many rows have gone from the beginning."""
        store = self._store
        for start in range(max(self._next, store.first), store.end, _TOGETHER):
            texts = store.texts(start, start + _TOGETHER)
            if not self._take_short(start, texts):
                self._take(start, texts)
        self._next = store.end
        return self._forget()

    def _take_short(self, start: int, texts: list[str]) -> bool:
        """A row each, as most lines of a flood are; False: they are not."""
        if self._minimum > INFO or not "".join(texts).isascii():
            return False
        wide = max(map(len, texts))
        if self._width is not None and wide > self._width:
            return False
        self.widest = max(self.widest, wide)
        self._numbers += range(start, start + len(texts))
        self._ends += range(self.end + 1, self.end + 1 + len(texts))
        self.end += len(texts)
        return True

    def _take(self, start: int, texts: list[str]) -> None:
        width = self._width
        for number, text in enumerate(texts, start):
            if self._minimum > INFO and self._store.level(number) < self._minimum:
                continue
            wide = cells(text)
            self.widest = max(self.widest, wide)
            self.end += 1 if width is None or wide <= width else len(parts(text, width))
            self._numbers.append(number)
            self._ends.append(self.end)

    def _forget(self) -> int:
        gone = bisect_left(self._numbers, self._store.first)
        if not gone:
            return 0
        before, self.first = self.first, self._ends[gone - 1]
        del self._numbers[:gone], self._ends[:gone]
        return self.first - before

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self.end - self.first

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return len(self._numbers)

    def at(self, row: int) -> Place | None:
        """What stands in the row; None: nothing does."""
        if not self.first <= row < self.end:
            return None
        index = bisect_right(self._ends, row)
        start = self._ends[index - 1] if index else self.first
        return Place(self._numbers[index], row - start)

    def row_of(self, number: int) -> int:
        """The first row of the line, or of the next one that is shown."""
        index = bisect_left(self._numbers, number)
        return self._ends[index - 1] if index else self.first

    def shows(self, number: int) -> bool:
        """Is the line among them?"""
        index = bisect_left(self._numbers, number)
        return index < len(self._numbers) and self._numbers[index] == number

    def texts(self) -> list[str]:
        """The lines, the oldest first."""
        if self._minimum == INFO:
            return self._store.texts(self._store.first, self._next)
        return [self._store.text(number) for number in self._numbers]

    def piece(self, place: Place) -> str:
        """The text of one row, whole."""
        text = self._store.text(place.number)
        return text if self._width is None else parts(text, self._width)[place.part]

    def offset(self, place: Place) -> int:
        """The character of the line at which the row begins."""
        if self._width is None or not place.part:
            return 0
        return sum(map(len, parts(self._store.text(place.number), self._width)[: place.part]))

    def extract(self, start: tuple[int, int], end: tuple[int, int]) -> str:
        """The text between two points (row, character); the rows of one line are one line again."""
        found: list[str] = []
        for row in range(max(start[0], self.first), min(end[0], self.end - 1) + 1):
            place = self.at(row)
            if place is None:
                continue
            piece = self.piece(place)
            piece = piece[start[1] if row == start[0] else 0 : end[1] if row == end[0] else None]
            if place.part and found:
                found[-1] += piece
            else:
                found.append(piece)
        return "\n".join(found)
