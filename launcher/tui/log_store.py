"""The log that all screens share: the last 100,000 lines of children and of Gesso itself, each with its number."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from launcher.core.events import Event, Line, Lines, Notice
from launcher.core.text import Text
from launcher.tui.log_levels import level_of
from launcher.tui.log_reading import Block, Known, LogReader
from launcher.tui.untrusted import plain

KEPT = 100_000

Say = Callable[[Text], str]

#: where a line comes from, if no child printed it
GESSO, DIAGNOSIS = "gesso", "diagnosis"


#: of the lines that were there before anything could be known, how many are looked at
_LOOKED_BACK = 2_000
#: lines that are kept as one
_TOGETHER = 1000


@dataclass(frozen=True)
class _Chunk:
    """Lines of one source, side by side: an object for each of them would cost more than its text, and the garbage
    collector looks through no tuple of strings twice.
    """

    source: str
    texts: tuple[str, ...]
    levels: bytes

    def joins(self, last: _Chunk) -> bool:
        """Are they to be one? Our own sentences stay by themselves: they are said again."""
        same = self.source == last.source and self.source not in (GESSO, DIAGNOSIS)
        return same and len(last.texts) + len(self.texts) <= _TOGETHER


class LogStore:
    """Lines are numbered from 0 and keep their number; `first` is the oldest that is kept, `end` the next to come."""

    def __init__(self, say: Say = str, known: Known | None = None, kept: int = KEPT) -> None:
        self.say, self._kept = say, kept
        self.reader = LogReader(known)
        self.first = self.end = 0
        #: the number at which each begins; the oldest may begin before `first`
        self._starts: list[int] = []
        self._chunks: list[_Chunk] = []
        # Our own sentences, by number: they are said again in another language.
        self._sentences: dict[int, Text] = {}
        self._watchers: list[Callable[[], None]] = []

    def text(self, number: int) -> str:
        """The line as it may be shown."""
        index = self._chunk_of(number)
        return self._chunks[index].texts[number - self._starts[index]]

    def level(self, number: int) -> int:
        """INFO, WARNING or ERROR."""
        index = self._chunk_of(number)
        return self._chunks[index].levels[number - self._starts[index]]

    def source(self, number: int) -> str:
        """The child's name, GESSO or DIAGNOSIS."""
        return self._chunks[self._chunk_of(number)].source

    def texts(self, start: int, end: int) -> list[str]:
        """The lines from `start` up to `end`."""
        start, found = max(start, self.first), list[str]()
        for index in range(max(0, self._chunk_of(start)), len(self._chunks)):
            begun = self._starts[index]
            if begun >= end:
                break
            found += self._chunks[index].texts[max(0, start - begun) : end - begun]
        return found

    def _chunk_of(self, number: int) -> int:
        return bisect_right(self._starts, number) - 1

    def add(self, events: Iterable[Event | Block]) -> None:
        """Keep the lines and notices among `events`, and tell who watches."""
        before = self.end
        for source, some in groupby(events, lambda event: event.source if isinstance(event, Line) else None):
            if source is not None:
                self._keep(self.reader.read(source, [event.text for event in some if isinstance(event, Line)]))
                continue
            for event in some:
                if isinstance(event, Notice):
                    self._add_sentence(event.text, GESSO, level_of(event.severity))
                elif isinstance(event, Lines):
                    self._keep(self.reader.read(event.source, event.texts))
                elif isinstance(event, Block):
                    self._keep(event)
        self._changed(before)

    def know(self, known: Known) -> None:
        """From now on this is asked about every line; what it says of the last ones is told at the end."""
        before = self.end
        start = max(self.first, self.end - _LOOKED_BACK)
        numbers = [number for number in range(start, self.end) if self.source(number) not in (GESSO, DIAGNOSIS)]
        for index, sentence in self.reader.know(known, [self.text(number) for number in numbers]):
            self._add_sentence(sentence, DIAGNOSIS, self.level(numbers[index]))
        self._changed(before)

    def _changed(self, before: int) -> None:
        if self.end != before:
            self._trim()
            for watcher in tuple(self._watchers):
                watcher()

    def speak(self, say: Say) -> None:
        """Say our own sentences again, in the language of `say`."""
        self.say = say
        for number, sentence in self._sentences.items():
            index = self._chunk_of(number)
            self._chunks[index] = replace(self._chunks[index], texts=(plain(say(sentence)),))

    def frozen(self) -> LogStore:
        """The same lines under the same numbers, to be read in peace: they stay when they are kept here no more."""
        copy = LogStore(self.say, kept=self._kept)
        copy.first, copy.end, copy._sentences = self.first, self.end, self._sentences.copy()
        copy._starts, copy._chunks = self._starts.copy(), self._chunks.copy()
        return copy

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` after lines have been added."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Callable[[], None]) -> None:
        """Call it no more."""
        self._watchers.remove(watcher)

    def _keep(self, block: Block) -> None:
        known: dict[int, list[Text]] = {}
        for index, sentence in self.reader.known(block):
            known.setdefault(index, []).append(sentence)
        start = 0
        for index in sorted({*known, len(block.texts) - 1}):
            end = index + 1
            self._append(_Chunk(block.source, tuple(block.texts[start:end]), block.levels[start:end]))
            for sentence in known.get(index, ()):
                # It stays in view with the line that it is about, whichever levels are shown.
                self._add_sentence(sentence, DIAGNOSIS, block.levels[index])
            start = end

    def _add_sentence(self, sentence: Text, source: str, level: int) -> None:
        self._sentences[self.end] = sentence
        self._append(_Chunk(source, (plain(self.say(sentence)),), bytes([level])))

    def _append(self, chunk: _Chunk) -> None:
        last = self._chunks[-1] if self._chunks else None
        if last and chunk.joins(last):
            self._chunks[-1] = replace(last, texts=last.texts + chunk.texts, levels=last.levels + chunk.levels)
        elif chunk.texts:
            self._starts.append(self.end)
            self._chunks.append(chunk)
        self.end += len(chunk.texts)

    def _trim(self) -> None:
        if self.end - self.first <= self._kept:
            return
        self.first = self.end - self._kept
        gone = self._chunk_of(self.first)
        del self._starts[:gone], self._chunks[:gone]
        # In the order of their numbers, so the old ones stand at the beginning.
        numbers = list(self._sentences)
        for number in numbers[: bisect_left(numbers, self.first)]:
            del self._sentences[number]
