"""Marks what is known among the lines of the log as they come, and never holds a screen up for it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from launcher.core.diagnosis.advice import Advice
from launcher.core.text import Text, t

#: lines that are looked at together, and the seconds of the processor that a portion of the log may take: in a flood of
#: errors the first of them are marked, and the screen answers
_TOGETHER, _PATIENCE = 100, 0.006


class Reader(Protocol):
    """launcher.core.diagnosis.live.LiveDiagnosis, as far as it is needed."""

    def feed(self, lines: Sequence[str]) -> list[tuple[int, Advice]]:
        """The index of a line among all that were fed, and what is behind it."""


class LiveMarks:
    """What the store calls with every portion of lines."""

    def __init__(self, reader: Reader, patience: float = _PATIENCE) -> None:
        self._reader, self._patience, self._fed = reader, patience, 0

    def __call__(self, texts: Sequence[str]) -> list[tuple[int, Text]]:
        """The index of a line among `texts`, and what is known of it; of an older one it is told at the first."""
        until = time.thread_time() + self._patience
        marks = []
        for start in range(0, len(texts), _TOGETHER):
            some = texts[start : start + _TOGETHER]
            for number, advice in self._reader.feed(some):
                marks.append((start + max(0, number - self._fed), mark(advice)))
            self._fed += len(some)
            if time.thread_time() > until:
                break
        return marks


def mark(advice: Advice) -> Text:
    """One line."""
    return t("{what}. t says what helps.", what=advice.title)
