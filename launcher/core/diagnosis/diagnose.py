"""Reads a log and says what is behind it: the root before its consequences, the harmless not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from launcher.core.diagnosis.advice import Advice
from launcher.core.diagnosis.blocks import Troubles
from launcher.core.diagnosis.circumstances import Circumstances
from launcher.core.diagnosis.matching import Matcher, compiled
from launcher.core.diagnosis.ranking import advise
from launcher.core.diagnosis.reading import clean, read_lines
from launcher.core.diagnosis.rules import Kind, read_rules

#: a pasted log is judged by itself
ELSEWHERE = Circumstances()


def diagnose_file(file: Path, circumstances: Circumstances = ELSEWHERE) -> tuple[Advice, ...]:
    """What the log in `file` shows, the root first; () where nothing is wrong. LauncherError `no-log`."""
    return diagnose_batches(read_lines(file), circumstances)


def diagnose_text(
    text: str, circumstances: Circumstances = ELSEWHERE, kinds: tuple[Kind, ...] | None = None
) -> tuple[Advice, ...]:
    """The same of a log in memory."""
    return diagnose_batches([clean(text)], circumstances, kinds)


def diagnose_batches(
    batches: Iterable[Sequence[str]], circumstances: Circumstances = ELSEWHERE, kinds: tuple[Kind, ...] | None = None
) -> tuple[Advice, ...]:
    """The same of lines that are cleaned already, in one pass."""
    matcher, troubles = Matcher(compiled(kinds or read_rules()), circumstances), Troubles()
    for lines in batches:
        matcher.feed(lines)
        troubles.feed(lines)
    return advise(matcher.finish(), troubles.finish())
