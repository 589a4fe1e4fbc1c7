"""Where a log speaks of trouble at all: tracebacks as wholes, lines that call themselves errors, and good ends."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

#: looked for first: most lines have none of these
_HINTS = re.compile(r"rror|ERR|raceback|xception|atal|FATAL|RITICAL|anic|abort|Abort|killed|Killed|错误|exit|exception")
_TRACEBACK = "Traceback (most recent call last)"
_EXCEPTION = re.compile(
    r"(?:^|\s)(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Warning|Iteration)\b(?::|$)"
)
_ERROR = re.compile(
    r"^\s*(?:\[[^\]]*\]\s*)?(?:ERROR|Error|error|FATAL|Fatal|fatal|CRITICAL|panic)(?: error)?\s*:"
    r"|\b(?:ERROR|CRITICAL|FATAL)\b(?=[\s:\]|])|^\s*[EF]\d{4} |thread '.*' panicked|^错误[:：]"
)
_EXIT = re.compile(
    r"(?:exit(?:ed)?(?: with)?(?: status)?(?: code)?|return(?:ed)? code|退出代码)\s*[:=]?\s*\(?(-?\d+|0x[0-9a-f]{8})",
    re.I,
)
_NONE = re.compile(r"\b(?:0|no|No|without) errors?\b")
#: after one of these what came before was no failure
_GOOD = re.compile(
    r"Running on local URL|To see the GUI go to|Uvicorn running on|Application startup complete|Startup time:"
    r"|^Successfully installed|Serving at |Already up.to.date"
)


@dataclass(frozen=True)
class Trouble:
    """Lines `start` to `end`, both included and counted from 0, that speak of one error; `quote` is what names it."""

    start: int
    end: int
    quote: str
    traceback: bool = False


class Troubles:
    """Collects them from lines as they come; what a good end follows is forgotten."""

    def __init__(self) -> None:
        self._number = 0
        self._inside: int | None = None
        self._frames = 0
        self.found: list[Trouble] = []

    def feed(self, lines: Sequence[str]) -> None:
        """Reads on."""
        for number, line in enumerate(lines, self._number):
            if self._inside is not None:
                self._read_on(number, line)
            elif _HINTS.search(line):
                self._judge(number, line)
            elif _GOOD.search(line):
                self.found.clear()
        self._number += len(lines)

    def finish(self) -> list[Trouble]:
        """All that were found; a traceback that breaks off is one too."""
        if self._inside is not None:
            self._add(Trouble(self._inside, self._number - 1, _TRACEBACK, traceback=True))
            self._inside = None
        return self.found

    def _judge(self, number: int, line: str) -> None:
        if _TRACEBACK in line:
            self._inside = number
        elif _GOOD.search(line):
            self.found.clear()
        elif _NONE.search(line):
            return
        elif _ERROR.search(line) or (_EXCEPTION.search(line) and "Warning" not in line) or _ends_badly(line):
            self._add(Trouble(number, number, line.strip()))

    def _read_on(self, number: int, line: str) -> None:
        """Frames are indented; the first line that names an exception ends the traceback."""
        assert self._inside is not None  # noqa: S101 - the caller's test
        if _TRACEBACK in line:
            return
        if line.strip() and not line.startswith((" ", "\t")) and not line.startswith("File "):
            quote = line.strip()
            self._add(Trouble(self._inside, number, quote, traceback=True))
            self._inside = None
        elif number - self._inside > 400:
            self._inside = None

    def _add(self, trouble: Trouble) -> None:
        # the first and the last ones tell enough of a log that says nothing else
        if len(self.found) >= 400:
            del self.found[200]
        self.found.append(trouble)


def _ends_badly(line: str) -> bool:
    found = _EXIT.search(line)
    return found is not None and found[1] not in ("0", "0x00000000")
