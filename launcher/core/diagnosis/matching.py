"""Tries the signs of all kinds on lines as they come, with what stands around them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from launcher.core.diagnosis.circumstances import Circumstances
from launcher.core.diagnosis.literals import Literals
from launcher.core.diagnosis.rules import FARTHEST, Kind, Sign

#: of one sign the matches that are kept: a failure that repeats itself a million times is told by its first ones; a
#: harmless message has to cover what belongs to it each time
_KEPT, _KEPT_HARMLESS = 32, 10_000
#: characters before and behind a literal that an expression is given: the time that some take grows faster than a line
_BEFORE, _BEHIND = 500, 1500
#: of the lines that are read together, a million characters or so, those at either end in which a sign is tried
_TRIED = 24
#: lines over which an expression may reach
_REACH = 12
#: matches that are remembered of one pattern before those that nobody asks for any more are forgotten
_REMEMBERED = 1000
#: what somebody wants drawn may name any failure
_PROMPT = re.compile(
    r"\s*(?:\[[^\]]*\]\s*)?(?:got prompt|(?:negative[ _])?prompts?|parameters|提示词|正向提示词|反向提示词)\s*[:=：]",
    re.IGNORECASE,
)
#: a character class, which may name the end of a line without reaching over it
_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")


@dataclass(frozen=True)
class Match:
    """A sign that was found in line `line`, counted from 0."""

    kind: Kind
    sign: Sign
    #: which of all signs it is
    number: int
    line: int
    quote: str
    values: tuple[tuple[str, str], ...] = ()


@dataclass
class _Candidate:
    """A match whose surroundings have not all been read."""

    match: Match
    #: what still has to be found around it
    missing: tuple[re.Pattern[str], ...]


@dataclass(frozen=True)
class _Tested:
    """A sign with its expressions compiled."""

    kind: Kind
    sign: Sign
    match: re.Pattern[str] | None
    with_: tuple[re.Pattern[str], ...]
    without: tuple[re.Pattern[str], ...]


@dataclass(frozen=True)
class Signs:
    """All signs ready to be tried."""

    tested: tuple[_Tested, ...]
    #: each stands for the number of a sign to be tried, or, below zero, for the good end of the sign `~number`
    literals: Literals[int] = field(repr=False)


@cache
def compiled(kinds: tuple[Kind, ...]) -> Signs:
    """The signs of `kinds`; half a second's work, done once."""
    tested = tuple(_tested(kind, sign) for kind in kinds for sign in kind.sign)
    literals: dict[str, list[int]] = {}
    for number, each in enumerate(tested):
        for literal in each.sign.has:
            literals.setdefault(literal, []).append(number)
        for literal in (*each.sign.until, *each.kind.until):
            literals.setdefault(literal, []).append(~number)
    return Signs(tested, Literals(literals))


def _tested(kind: Kind, sign: Sign) -> _Tested:
    return _Tested(kind, sign, _one(sign.match), _several(sign.with_), _several(sign.without))


def _one(pattern: str | None) -> re.Pattern[str] | None:
    return re.compile(pattern, re.IGNORECASE) if pattern else None


def _several(patterns: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE | re.MULTILINE) for pattern in patterns)


class Matcher:
    """Reads lines in batches; `eager` reports a match before all that follows it is known."""

    def __init__(self, signs: Signs, circumstances: Circumstances, *, eager: bool = False) -> None:
        self._signs, self._eager = signs, eager
        self._allowed = [circumstances.allow(each.sign.when) for each in signs.tested]
        self._kept: list[list[Match]] = [[] for _ in signs.tested]
        self._most = [_KEPT_HARMLESS if each.kind.severity == "harmless" else _KEPT for each in signs.tested]
        self._waiting: list[_Candidate] = []
        self._seen: dict[re.Pattern[str], _Seen] = {}
        #: the last lines before the batch, and the number of the first of them
        self._before: list[str] = []
        self._number = 0

    def feed(self, lines: Sequence[str]) -> list[Match]:
        """Reads on; what this batch has made certain, with `eager` certain enough to be said."""
        text = _Text([*self._before, *lines], self._number - len(self._before))
        found = self._decide(text, final=False)
        for index, place, sign in self._not_too_many([*filter(self._wants, self._signs.literals.places(lines))]):
            number = self._number + index
            if sign < 0:
                self._void(~sign, number)
            elif self._wants((index, place, sign)) and not _PROMPT.match(lines[index]):
                near = lines[index][max(0, place - _BEFORE) : place + _BEHIND]
                match = self._try(sign, number, near, text)
                if match is not None:
                    # what is said at once is said again in an hour: one is enough to be voided
                    self._kept[sign] = [*([] if self._eager else self._kept[sign]), match]
                    found.append(match)
        self._number += len(lines)
        self._before = text.lines[-FARTHEST:]
        return found

    def finish(self) -> list[Match]:
        """Nothing follows any more: all matches, in the order of the lines."""
        self._decide(_Text(self._before, self._number - len(self._before)), final=True)
        matches = [match for kept in self._kept for match in kept]
        return sorted(matches, key=lambda match: match.line)

    def _wants(self, found: tuple[int, int, int]) -> bool:
        sign = found[2]
        return sign < 0 or (self._allowed[sign] and len(self._kept[sign]) < self._most[sign])

    def _not_too_many(self, places: list[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
        """Of a flood that holds one sign's literal in every line the first and the last lines: the root and the end."""
        total = Counter(sign for _, _, sign in places)
        seen: Counter[int] = Counter()
        for place in places:
            sign = place[2]
            seen[sign] += 1
            if sign < 0 or seen[sign] <= _TRIED or seen[sign] > total[sign] - _TRIED or self._most[sign] > _KEPT:
                yield place

    def _void(self, sign: int, number: int) -> None:
        """What came before the good end has not mattered."""
        self._kept[sign] = [match for match in self._kept[sign] if match.line >= number]
        self._waiting = [each for each in self._waiting if each.match.number != sign or each.match.line >= number]

    def _try(self, number: int, line: int, near: str, text: _Text) -> Match | None:
        """The sign's match in that line, if it is certain; what depends on lines to come waits for them.

        `near` is what stands in the line around the literal.
        """
        tested = self._signs.tested[number]
        values: tuple[tuple[str, str], ...] = ()
        if tested.match is not None:
            hit = tested.match.search(near)
            if hit is None:
                return None
            values = tuple((name, value) for name, value in hit.groupdict().items() if value is not None)
        candidate = _Candidate(Match(tested.kind, tested.sign, number, line, near, values), tested.with_)
        verdict = self._verdict(candidate, text, final=False)
        if verdict is None:
            self._waiting.append(candidate)
        return candidate.match if verdict else None

    def _decide(self, text: _Text, *, final: bool) -> list[Match]:
        """Those that waited for what follows them, now that more is known."""
        found, waiting = [], []
        for each in self._waiting:
            verdict = self._verdict(each, text, final=final)
            if verdict is None:
                waiting.append(each)
            elif verdict and self._wants((0, 0, each.match.number)):
                self._kept[each.match.number].append(each.match)
                found.append(each.match)
        self._waiting = waiting
        return found

    def _around(self, pattern: re.Pattern[str], match: Match, text: _Text) -> bool:
        seen = self._seen.get(pattern)
        if seen is None:
            seen = self._seen[pattern] = _Seen(pattern)
        return seen.between(*text.around(match.line, match.sign.around), text)

    def _verdict(self, candidate: _Candidate, text: _Text, *, final: bool) -> bool | None:
        """True: it is found; False: it is not; None: that depends on lines to come."""
        match = candidate.match
        without = self._signs.tested[match.number].without
        if not candidate.missing and not without:
            return True
        if any(self._around(pattern, match, text) for pattern in without):
            return False
        candidate.missing = tuple(each for each in candidate.missing if not self._around(each, match, text))
        over = final or match.line + match.sign.around < text.start + len(text.lines)
        if not candidate.missing and (over or self._eager or not without):
            return True
        return False if over else None


@dataclass(frozen=True)
class _Text:
    """Lines that follow each other; the first of them is number `start` of the log."""

    lines: list[str]
    start: int

    def around(self, line: int, far: int) -> tuple[int, int]:
        """The numbers of the first and the last line so far from it, as far as they are there."""
        return max(self.start, line - far), min(self.start + len(self.lines) - 1, line + far)

    def between(self, first: int, last: int) -> list[str]:
        """The lines of these numbers, both included."""
        return self.lines[first - self.start : last - self.start + 1]


class _Seen:
    """In which lines a pattern is found; neighbouring matches ask for the same lines, and each is searched once."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern
        self._over_lines = "\\n" in _CLASS.sub("", pattern.pattern)
        #: the lines from `_start` up to `_end` have been searched
        self._start = self._end = 0
        self._hits: list[int] = []
        #: what was found in lines that may come again word for word, as they do where a failure repeats itself
        self._known: dict[str, bool] = {}

    def between(self, first: int, last: int, text: _Text) -> bool:
        """Is it found in one of these lines?"""
        if not self._start <= first <= self._end:
            self._start, self._end, self._hits = first, first, []
        if last >= self._end:
            self._hits += self._over(first, last, text) if self._over_lines else self._in_lines(last, text)
        self._end = max(self._end, last + 1)
        at = bisect_left(self._hits, first)
        found = at < len(self._hits) and self._hits[at] <= last
        if at > _REMEMBERED:
            del self._hits[:at]
            self._start = first
        return found

    def _in_lines(self, last: int, text: _Text) -> list[int]:
        lines = text.between(self._end, last)
        return [number for number, line in enumerate(lines, self._end) if self._stands_in(line)]

    def _over(self, first: int, last: int, text: _Text) -> list[int]:
        """Of an expression that reaches over lines: where it begins, in what has not been searched yet."""
        start = max(first, self._end - _REACH)
        whole = "\n".join(line[:_BEHIND] for line in text.between(start, last))
        hits = [start + whole.count("\n", 0, hit.start()) for hit in self._pattern.finditer(whole)]
        return sorted({*hits} - {*self._hits[-_REACH:]})

    def _stands_in(self, line: str) -> bool:
        known = self._known.get(line)
        if known is None:
            if len(self._known) >= 2 * _REMEMBERED:
                self._known.clear()
            known = self._known[line] = self._pattern.search(line[:_BEHIND]) is not None
        return known
