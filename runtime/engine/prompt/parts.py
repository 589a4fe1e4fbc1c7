"""`AND`: several prompts in one, each with a weight."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_AND = re.compile(r"\bAND\b")
_WEIGHT = re.compile(r"\s*([+-]?(?:[0-9]+\.?|[0-9]*\.[0-9]+))")


@dataclass(frozen=True)
class Part:
    """One of the prompts that `AND` joins; its guidance counts `weight` times."""

    text: str
    weight: float = 1.0


def split_parts(prompt: str) -> tuple[Part, ...]:
    """At least one part; the upper-case word AND divides, brackets or not.

    As in AUTOMATIC1111 a number after a part's last colon is its weight even where there is no AND: `ratio 16:9` is
    `ratio 16` nine times.
    """
    return tuple(_part(text.rstrip()) for text in _AND.split(prompt))


def needs_no_negative(weights: Sequence[float], cfg_scale: float) -> bool:
    """Does guidance by parts of these weights make nothing of the negative prompt?"""
    return cfg_scale == 1 and [*weights] == [1]


def count_parts(prompt: str) -> int:
    """How many parts `split_parts` makes of it."""
    return 1 + len(_AND.findall(prompt))


def _part(text: str) -> Part:
    before, colon, after = text.rpartition(":")
    weight = _WEIGHT.fullmatch(after) if colon else None
    return Part(text) if weight is None else Part(before.rstrip(), float(weight[1]))
