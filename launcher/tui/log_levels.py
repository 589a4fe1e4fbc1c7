"""How serious a line of a child's log is, as far as its words tell."""

from __future__ import annotations

import re
from collections.abc import Sequence

INFO, WARNING, ERROR = 0, 1, 2

#: looked for first: most lines have none of these, and a flood has to be read at its own speed
_HINTS = ("rror", "arn", "xception", "raceback", "RROR", "ARN", "FATAL", "atal", "RITICAL", "panic")
_ERROR = re.compile(
    r"\b(?:[A-Za-z_.]*(?:Error|Exception)|ERROR|CRITICAL|FATAL|[Ff]atal(?: error)?|error|panicked)\b(?::|\]| \(|!|$| )"
)
_WARNING = re.compile(r"\b(?:[A-Za-z_.]*Warning|WARN(?:ING)?|warn(?:ing)?)\b")
_TRACEBACK = "Traceback (most recent call last)"
#: words that only look like it
_NONE = re.compile(r"\b(?:0|no|No|without) (?:errors?|warnings?)\b")


def level_of(severity: str) -> int:
    """The level of a notice."""
    return {"warning": WARNING, "error": ERROR}.get(severity, INFO)


class Levels:
    """Judges the lines of one child in their order: what stands under a traceback belongs to it."""

    def __init__(self) -> None:
        self._inside = False

    def of_all(self, lines: Sequence[str]) -> Sequence[int]:
        """The levels of the next lines; most portions of a flood have nothing to be judged line by line."""
        together = "\n".join(lines)
        if not self._inside and not any(hint in together for hint in _HINTS):
            return bytes(len(lines))
        return [self.of(line) for line in lines]

    def of(self, line: str) -> int:
        """The level of the next line."""
        if self._inside:
            # The frames are indented; the first line that is not names the exception, and ends it.
            self._inside = line.startswith((" ", "\t"))
            return ERROR
        for hint in _HINTS:
            if hint in line:
                return self._judge(line)
        return INFO

    def _judge(self, line: str) -> int:
        if _TRACEBACK in line:
            self._inside = True
            return ERROR
        if _NONE.search(line):
            return INFO
        if _ERROR.search(line):
            return ERROR
        return WARNING if _WARNING.search(line) else INFO
