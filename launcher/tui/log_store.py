"""The log that all screens share: the last 100,000 lines of children and of Gesso itself, each with its number."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable

from launcher.core.events import Event, Line, Notice
from launcher.core.text import Text
from launcher.tui.log_levels import Levels, level_of
from launcher.tui.untrusted import plain

KEPT = 100_000

Say = Callable[[Text], str]
#: a line in, what is known about it out; None: nothing is
Known = Callable[[str], "Text | None"]

#: where a line comes from, if no child printed it
GESSO, DIAGNOSIS = "gesso", "diagnosis"


class LogStore:
    """Lines are numbered from 0 and keep their number; `first` is the oldest that is kept, `end` the next to come."""

    def __init__(self, say: Say = str, known: Known = lambda _line: None, kept: int = KEPT) -> None:
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
        for event in events:
            if type(event) is Line:
                self._add_line(event)
            elif type(event) is Notice:
                self._add_sentence(event.text, GESSO, level_of(event.severity))
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

    def _add_line(self, line: Line) -> None:
        levels = self._classify.get(line.source)
        if levels is None:
            levels = self._classify[line.source] = Levels()
        text = plain(line.text)
        level = levels.of(text)
        self._texts.append(text)
        self._levels.append(level)
        self._sources.append(line.source)
        if (known := self._known(text)) is not None:
            # It stays in view with the line that it is about, whichever levels are shown.
            self._add_sentence(known, DIAGNOSIS, level)

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
