"""Finds entries of the handbook by words, in either language, however few of them fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from launcher.core.handbook.entries import Entry

#: what a word is worth where it is found
_TITLE_WHOLE, _TITLE_BEGINS, _TITLE, _ALSO_WHOLE, _ALSO, _BODY = 100, 60, 40, 50, 20, 5
#: of the parts of a question, the share that must be found
_ENOUGH = 0.4
_CHINESE = re.compile(r"[㐀-鿿]+")
#: what questions are made of besides what they are about
_FILLERS = re.compile("怎么办|怎么|为什么|什么|如何|请问|吗|呢|了|的|我")


def search(entries: Iterable[Entry], query: str) -> list[Entry]:
    """Those that have the words of `query`, the best first; all of them, in their order, where nothing is asked."""
    words, entries = query.casefold().split(), list(entries)
    if not words:
        return entries
    return _ranked(entries, words, 1.0) or _ranked(entries, _parts(words), _ENOUGH)


def _ranked(entries: Sequence[Entry], words: Sequence[str], enough: float) -> list[Entry]:
    ranked = []
    for place, entry in enumerate(entries):
        worth = [_worth(entry, word) for word in words]
        if words and sum(map(bool, worth)) >= max(1.0, enough * len(words)):
            # all of the words before a part of them
            ranked.append((not all(worth), -sum(worth), place, entry))
    return [entry for *_, entry in sorted(ranked, key=lambda each: each[:3])]


def _parts(words: Iterable[str]) -> list[str]:
    """Chinese is written without blanks, so a question is taken apart into pairs of signs."""
    found: list[str] = []
    for word in words:
        for run in _CHINESE.findall(_FILLERS.sub(" ", word)):
            found += [run[at : at + 2] for at in range(max(1, len(run) - 1))]
        found += [rest for rest in _CHINESE.split(word) if len(rest) > 1]
    return list(dict.fromkeys(found))


def _worth(entry: Entry, word: str) -> int:
    titles = [each.casefold() for each in (entry.title.en, entry.title.zh, entry.name)]
    also = [each.casefold() for each in entry.also]
    body = (entry.body, *entry.steps)
    if word in titles:
        return _TITLE_WHOLE
    if any(each.startswith(word) for each in titles):
        return _TITLE_BEGINS
    if word in also:
        return _ALSO_WHOLE
    if any(word in each for each in titles):
        return _TITLE
    if any(word in each for each in also):
        return _ALSO
    return _BODY if any(word in text.casefold() for each in body for text in (each.en, each.zh)) else 0
