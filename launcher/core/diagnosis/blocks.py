"""Where a log speaks of trouble at all: tracebacks as wholes, lines that call themselves errors, and good ends."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from launcher.core.diagnosis.literals import Literals

_TRACEBACK = "Traceback (most recent call last)"
_EXCEPTION = re.compile(
    r"(?:^|\s)(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Warning|Iteration)\b(?::|$)"
)
_ERROR = re.compile(
    r"^\s*(?:\[[^\]]*\]\s*|[\w.-]+: )?(?:ERROR|Error|error|FATAL|Fatal|fatal|CRITICAL|panic)(?: error)?\s*:"
    r"|\b(?:ERROR|CRITICAL|FATAL)\b(?=[\s:\]|])|thread '.*' panicked|^错误[:：]"
    r"|!!! Exception during|^Failed to validate prompt|^invalid prompt: |failed validation\b"
    r"|^Error (?:opening|loading|running|calling) "
)
#: the same line says how it goes on
_GOES_ON = re.compile(
    r"\b(?:fall(?:ing|s)? back|(?:will|is) (?:retry|try|be retried)|retrying|non-?fatal|skipping|skipped"
    r"|will be ignored|(?:continuing|proceeding) without|using \S+ instead)\b",
    re.IGNORECASE,
)
_EXIT = re.compile(
    r"(?:exit(?:ed)?(?: with)?(?: status)?(?: code)?|return(?:ed)? code|退出代码)\s*[:=]?\s*\(?(-?\d+|0x[0-9a-f]{8})",
    re.IGNORECASE,
)
_CHAIN = re.compile(r"^\s*(?:During handling of the above exception|The above exception was the direct cause)")
_FRAME = re.compile(r"\s*File ")
_NONE = re.compile(r"\b(?:0|no|No|without) errors?\b")
#: looked for first: most lines have none of these
_HINTS = (
    "error", "错误", "exception", "traceback", "fatal", "critical", "panic", "exit", "return", "退出代码",
    "failed to validate prompt", "invalid prompt: ", "failed validation",
)  # fmt: skip
#: after one of these what came before was no failure
_GOOD = (
    "running on local url", "to see the gui go to", "uvicorn running on", "application startup complete",
    "startup time:", "serving at ", "model loaded in ", "total progress: 100%", "all startup tasks have been completed",
)  # fmt: skip
#: after one of these what a line called an error was tried again; a program that ended in a traceback was not
_FETCHED = ("successfully installed", "already up to date", "download complete")


@cache
def _literals() -> Literals[str]:
    words = {"hint": _HINTS, "good": _GOOD, "fetched": _FETCHED}
    return Literals({word: (meaning,) for meaning, some in words.items() for word in some})


@dataclass(frozen=True)
class Trouble:
    """Lines `start` to `end`, both included and counted from 0, that speak of one error; `quote` is what names it."""

    start: int
    end: int
    quote: str
    traceback: bool = False
    #: a good end followed: it was no failure
    over: bool = False


class Troubles:
    """Collects them from lines as they come."""

    def __init__(self) -> None:
        self._number = 0
        #: the line at which the traceback that is being read began, and how far it is indented
        self._begun: int | None = None
        self._indent = 0
        #: the line of the last good end of each kind
        self._last = {"good": -1, "fetched": -1}
        self.found: list[Trouble] = []

    def feed(self, lines: Sequence[str]) -> None:
        """Reads on."""
        read = 0
        for index, meaning in _literals().find(lines):
            read = self._read_on(lines, read, index)
            if self._begun is not None or index < read:
                continue
            read = index + 1
            if meaning in self._last:
                self._last[meaning] = self._number + index
            else:
                self._judge(self._number + index, lines[index])
        self._read_on(lines, read, len(lines))
        self._number += len(lines)

    @property
    def inside(self) -> bool:
        """Is a traceback being read whose end has not come?"""
        return self._begun is not None

    def finish(self) -> list[Trouble]:
        """All that were found; a traceback that breaks off is one too."""
        if self._begun is not None:
            self._add(Trouble(self._begun, self._number - 1, _TRACEBACK, traceback=True))
            self._begun = None
        return [replace(each, over=self._is_over(each)) for each in self.found]

    def _is_over(self, trouble: Trouble) -> bool:
        return trouble.end < self._last["good"] or (not trouble.traceback and trouble.end < self._last["fetched"])

    def _judge(self, number: int, line: str) -> None:
        if _TRACEBACK in line:
            self._begun, self._indent = number, _indent(line)
        elif _CHAIN.search(line) and self.found and self.found[-1].traceback:
            # one error in several tracebacks, which the last of them names
            self._begun = self.found.pop().start
        elif _is_error(line):
            self._add(Trouble(number, number, line.strip()))

    def _read_on(self, lines: Sequence[str], start: int, end: int) -> int:
        """The rest of a traceback, which the first line without indent names; up to where it was read."""
        if self._begun is None:
            return start
        for index in range(start, end):
            line = lines[index]
            if line.strip() and _TRACEBACK not in line and _indent(line) <= self._indent and not _FRAME.match(line):
                self._add(Trouble(self._begun, self._number + index, line.strip(), traceback=True))
                self._begun = None
                return index + 1
        return end

    def _add(self, trouble: Trouble) -> None:
        # the first and the last ones tell enough of a log that says nothing else
        if len(self.found) >= 400:
            del self.found[200]
        self.found.append(trouble)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


@lru_cache(maxsize=2048)
def _is_error(line: str) -> bool:
    """Remembered, because failures repeat themselves."""
    if _NONE.search(line) or _GOES_ON.search(line):
        return False
    return bool(_ERROR.search(line) or (_EXCEPTION.search(line) and "Warning" not in line) or _ends_badly(line))


def _ends_badly(line: str) -> bool:
    found = _EXIT.search(line)
    return found is not None and found[1] not in ("0", "0x00000000")
