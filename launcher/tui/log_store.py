"""The log that all screens share: the last 100,000 lines of children and of Gesso itself, each with its number."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from launcher.core.events import Event, Line, Notice
from launcher.core.text import Text
from launcher.tui.log_levels import Levels, level_of
from launcher.tui.untrusted import plain

KEPT = 100_000

Say = Callable[[Text], str]
#: lines in; the indices of those that are known out, with what is known
Known = Callable[[Sequence[str]], Sequence[tuple[int, Text]]]

#: where a line comes from, if no child printed it
GESSO, DIAGNOSIS = "gesso", "diagnosis"


#: of the lines that were there before anything could be known, how many are looked at
_LOOKED_BACK = 2_000


def nothing(_texts: Sequence[str]) -> Sequence[tuple[int, Text]]:
    """Nothing is known about any line."""
    return ()


class LogStore:
    """Lines are numbered from 0 and keep their number; `first` is the oldest that is kept, `end` the next to come."""

    def __init__(self, say: Say = str, known: Known = nothing, kept: int = KEPT) -> None:
        self.say, self._known, self._kept = say, known, kept
        self.first = 0
        # Side by side rather than an object for each line: 100,000 of them are the size of their text and little more.
        self._texts: list[str] = []
        self._levels = bytearray()
        self._sources: list[str] = []
        # Our own sentences, by number: they are said again in another language.
        self._sentences: dict[int, Text] = {}
        self._classify: dict[str, Levels] = {}
        self._watchers: list[Callable[[], None]] = []

    @property
    def end(self) -> int:
        """One more than the number of the newest line."""
        return self.first + len(self._texts)

    def text(self, number: int) -> str:
        """The line as it may be shown."""
        return self._texts[number - self.first]

    def level(self, number: int) -> int:
        """INFO, WARNING or ERROR."""
        return self._levels[number - self.first]

    def source(self, number: int) -> str:
        """The child's name, GESSO or DIAGNOSIS."""
        return self._sources[number - self.first]

    def texts(self, start: int, end: int) -> list[str]:
        """The lines from `start` up to `end`."""
        return self._texts[max(0, start - self.first) : max(0, end - self.first)]

    def add(self, events: Iterable[Event]) -> None:
        """Keep the lines and notices among `events`, and tell who watches."""
        before = self.end
        lines: list[Line] = []
        for event in events:
            if type(event) is Line:
                lines.append(event)
            elif type(event) is Notice:
                self._add_lines(lines)
                lines = []
                self._add_sentence(event.text, GESSO, level_of(event.severity))
        self._add_lines(lines)
        self._changed(before)

    def know(self, known: Known) -> None:
        """From now on this is asked about every line; what it says of the last ones is told at the end."""
        before, self._known = self.end, known
        start = max(self.first, self.end - _LOOKED_BACK)
        numbers = [number for number in range(start, self.end) if self.source(number) not in (GESSO, DIAGNOSIS)]
        for index, sentence in known([self.text(number) for number in numbers]):
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
            self._texts[number - self.first] = plain(say(sentence))

    def frozen(self) -> LogStore:
        """The same lines under the same numbers, to be read in peace: they stay when they are kept here no more."""
        copy = LogStore(self.say, self._known, self._kept)
        copy.first, copy._texts, copy._levels = self.first, self._texts.copy(), self._levels.copy()
        copy._sources, copy._sentences = self._sources.copy(), self._sentences.copy()
        return copy

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` after lines have been added."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Callable[[], None]) -> None:
        """Call it no more."""
        self._watchers.remove(watcher)

    def _add_lines(self, lines: Sequence[Line]) -> None:
        """A flood comes in portions of one child's lines, and is kept as such."""
        for source, some in groupby(lines, lambda line: line.source):
            self._add_texts(source, [plain(line.text) for line in some])

    def _add_texts(self, source: str, texts: Sequence[str]) -> None:
        known: dict[int, list[Text]] = {}
        for index, sentence in self._known(texts):
            known.setdefault(index, []).append(sentence)
        levels, start = self._levels_of(source).of_all(texts), 0
        for index in sorted({*known, len(texts) - 1}):
            end = index + 1
            self._texts += texts[start:end]
            self._levels += bytes(levels[start:end])
            self._sources += [source] * (end - start)
            for sentence in known.get(index, ()):
                # It stays in view with the line that it is about, whichever levels are shown.
                self._add_sentence(sentence, DIAGNOSIS, levels[index])
            start = end

    def _levels_of(self, source: str) -> Levels:
        return self._classify.setdefault(source, Levels())

    def _add_sentence(self, sentence: Text, source: str, level: int) -> None:
        self._sentences[self.end] = sentence
        self._texts.append(plain(self.say(sentence)))
        self._levels.append(level)
        self._sources.append(source)

    def _trim(self) -> None:
        over = len(self._texts) - self._kept
        if over <= 0:
            return
        del self._texts[:over], self._levels[:over], self._sources[:over]
        self.first += over
        # In the order of their numbers, so the old ones stand at the beginning.
        numbers = list(self._sentences)
        for number in numbers[: bisect_left(numbers, self.first)]:
            del self._sentences[number]
