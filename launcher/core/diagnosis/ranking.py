"""From matches to findings: harmless ones cover what they explain, the rest is put into the order of cause."""

from __future__ import annotations

import string
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from launcher.core.diagnosis.advice import Advice
from launcher.core.diagnosis.blocks import Trouble
from launcher.core.diagnosis.exit_codes import meaning
from launcher.core.diagnosis.matching import Match
from launcher.core.diagnosis.rules import Words
from launcher.core.text import Text, t

UNKNOWN = "unknown"
#: lines by which a harmless message may stand before or behind the traceback that belongs to it
_NEAR = 3
#: a remark of less weight than this stands by itself: a traceback beside it is another matter
_TAKES_FROM = 50
#: a kind explains others only if its own sign names more than a consequence
_EXPLAINS_FROM = 30


def advise(matches: Sequence[Match], troubles: Sequence[Trouble]) -> tuple[Advice, ...]:
    """The findings, the root first; an error that no kind claims is `unknown`, and said only where nothing else is."""
    covered = cover(matches, troubles)
    real = [each for each in matches if each.kind.severity != "harmless" and not is_covered(each, covered)]
    if real:
        return tuple(advice_of(match) for match in _ranked(_best(real)))
    left = [each for each in troubles if not each.over and not covered.keys() & range(each.start, each.end + 1)]
    return (_unknown(left),) if left else ()


def cover(matches: Sequence[Match], troubles: Sequence[Trouble]) -> dict[int, int]:
    """The lines that harmless messages explain, each with the weight of the message."""
    tracebacks = [trouble for trouble in troubles if trouble.traceback]
    starts = [trouble.start for trouble in tracebacks]
    covered: dict[int, int] = {}
    for match in matches:
        if match.kind.severity == "harmless":
            for line in _block(match, tracebacks, starts):
                covered[line] = max(match.sign.weight, covered.get(line, 0))
    return covered


def is_covered(match: Match, covered: dict[int, int]) -> bool:
    """Does a harmless message that is at least as sure explain its line?"""
    return covered.get(match.line, -1) >= match.sign.weight


def _block(match: Match, tracebacks: Sequence[Trouble], starts: Sequence[int]) -> Iterable[int]:
    """The lines that belong together with a harmless message: the traceback in which or beside which it stands."""
    line, near = match.line, _NEAR if match.sign.weight >= _TAKES_FROM else 0
    after = bisect_right(starts, line + near)
    for trouble in tracebacks[max(0, after - 2) : after]:
        if trouble.start - near <= line <= trouble.end + near:
            return {line, *range(trouble.start, trouble.end + 1)}
    return (line,)


def _best(matches: Sequence[Match]) -> list[Match]:
    """Of each kind the match that names it most surely, the earliest of several."""
    best: dict[str, Match] = {}
    for match in matches:
        known = best.get(match.kind.slug)
        if known is None or match.sign.weight > known.sign.weight:
            best[match.kind.slug] = match
    return list(best.values())


def _ranked(matches: Sequence[Match]) -> list[Match]:
    explained = {
        slug for match in matches if match.sign.weight >= _EXPLAINS_FROM for slug in match.kind.explains
    }  # fmt: skip

    def place(match: Match) -> tuple[bool, bool, int, int]:
        return (
            match.kind.severity != "error", match.kind.slug in explained, -match.sign.weight, match.line
        )  # fmt: skip

    return sorted(matches, key=place)


def advice_of(match: Match) -> Advice:
    """The finding that a match stands for."""
    kind, sign = match.kind, match.sign
    values = dict(match.values)
    return Advice(
        kind.slug,
        "error" if kind.severity == "error" else "warning",
        match.line + 1,
        match.quote.strip(),
        kind.title.text(),
        kind.cause.text(),
        tuple(step.text() for step in kind.steps),
        kind.links,
        sign.mend or kind.mend,
        match.values,
        _detail(sign.detail, values) if sign.detail else _exit_meaning(values),
    )


def _exit_meaning(values: dict[str, str]) -> Text | None:
    return meaning(values["code"]) if "code" in values else None


def _detail(words: Words, values: dict[str, str]) -> Text | None:
    """Said only where the message told all of it."""
    needed = {name for _, name, _, _ in string.Formatter().parse(words.en) if name}
    return words.text(**values) if needed <= values.keys() else None


def _unknown(troubles: Sequence[Trouble]) -> Advice:
    """The last traceback names best what ended it, else the last error that the log calls one."""
    chosen = next((each for each in reversed(troubles) if each.traceback), troubles[-1])
    return Advice(
        UNKNOWN,
        "error",
        chosen.end + 1,
        chosen.quote,
        t("An error that Gesso does not know"),
        t("The log names an error that none of Gesso's rules knows: {quote}", quote=chosen.quote[:300]),
        (
            t("Search the web for this very line; others may have met it."),
            t("`gesso report FILE` writes one file, without your secrets, to attach to a question."),
        ),
    )
