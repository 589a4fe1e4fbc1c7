"""The diagnosis of a log that is still being written: findings as soon as their lines are there."""

from __future__ import annotations

from collections.abc import Sequence

from launcher.core.diagnosis.advice import Advice
from launcher.core.diagnosis.blocks import Troubles
from launcher.core.diagnosis.circumstances import Circumstances
from launcher.core.diagnosis.matching import Match, Matcher, compiled
from launcher.core.diagnosis.ranking import advice_of, cover, is_covered
from launcher.core.diagnosis.reading import clean
from launcher.core.diagnosis.rules import read_rules

#: lines for which a kind that goes on is not said again
_QUIET = 200
#: harmless messages that may explain what comes next
_REMEMBERED = 50


class LiveDiagnosis:
    """Reads lines as they come; says of each kind of failure that it has begun, and not each time it repeats."""

    def __init__(self, circumstances: Circumstances | None = None) -> None:
        """Reads the rules: some tenths of a second the first time, so not where a screen waits."""
        self._matcher = Matcher(compiled(read_rules()), circumstances or Circumstances(), eager=True)
        self._troubles = Troubles()
        self._last: dict[str, int] = {}
        #: found, and not yet said: the traceback in which it stands may prove harmless
        self._held: list[Match] = []
        self._harmless: list[Match] = []

    def feed(self, lines: Sequence[str]) -> list[tuple[int, Advice]]:
        """What can be said now: the line's index among all that were fed, from 0, and the finding."""
        cleaned = _cleaned(lines)
        self._troubles.feed(cleaned)
        for match in self._matcher.feed(cleaned):
            (self._harmless if match.kind.severity == "harmless" else self._held).append(match)
        del self._harmless[:-_REMEMBERED]
        if not self._held or self._troubles.inside:
            return []
        covered = cover(self._harmless, self._troubles.found)
        held, self._held = self._held, []
        return [(match.line, advice_of(match)) for match in held if not is_covered(match, covered) and self._new(match)]

    def _new(self, match: Match) -> bool:
        before, self._last[match.kind.slug] = self._last.get(match.kind.slug), match.line
        return before is None or match.line - before > _QUIET


def _cleaned(lines: Sequence[str]) -> Sequence[str]:
    """As many as there were; a flood of ordinary lines is left as it is."""
    together = " ".join(lines)
    if together.isascii() and together.isprintable():
        return lines
    return [line for each in lines for line in clean(each)[:1] or [""]]
