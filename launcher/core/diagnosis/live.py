"""The diagnosis of a log that is still being written: findings as soon as their lines are there."""

from __future__ import annotations

from collections.abc import Sequence

from launcher.core.diagnosis.advice import Advice
from launcher.core.diagnosis.circumstances import Circumstances
from launcher.core.diagnosis.matching import Matcher, compiled
from launcher.core.diagnosis.ranking import advice_of
from launcher.core.diagnosis.reading import clean
from launcher.core.diagnosis.rules import read_rules


class LiveDiagnosis:
    """Reads lines as they come; says of each kind of failure that it has begun, and not each time it repeats."""

    def __init__(self, circumstances: Circumstances | None = None) -> None:
        """Reads the rules: some tenths of a second the first time, so not where a screen waits."""
        self._matcher = Matcher(compiled(read_rules()), circumstances or Circumstances(), eager=True)
        self._last: dict[str, int] = {}

    def feed(self, lines: Sequence[str]) -> list[tuple[int, Advice]]:
        """What can be said now: the line's index among all that were fed, from 0, and the finding."""
        cleaned = _cleaned(lines)
        said = []
        for match in self._matcher.feed(cleaned):
            before = self._last.get(match.kind.slug)
            if match.kind.severity != "harmless" and (before is None or match.line - before > _QUIET):
                said.append((match.line, advice_of(match)))
            self._last[match.kind.slug] = match.line
        return said


#: lines for which a kind that goes on is not said again
_QUIET = 200


def _cleaned(lines: Sequence[str]) -> Sequence[str]:
    """As many as there were; a flood of ordinary lines is left as it is."""
    together = " ".join(lines)
    if together.isascii() and together.isprintable():
        return lines
    return [line for each in lines for line in clean(each)[:1] or [""]]
