"""What a row of the table is: two sides that take turns, figures with their targets, and the spread of the pairs."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

Ours = TypeVar("Ours")
Theirs = TypeVar("Theirs")
Output = TypeVar("Output")


class NotHereError(Exception):
    """The row cannot run on this computer; the text says why, for the table."""


@dataclass(frozen=True)
class Target:
    """What the issue asks of a figure."""

    value: float
    at_most: bool = False

    def met_by(self, value: float) -> bool:
        return value <= self.value if self.at_most else value >= self.value


def at_least(value: float) -> Target:
    return Target(value)


def at_most(value: float) -> Target:
    return Target(value, at_most=True)


@dataclass(frozen=True)
class Figure:
    """One number of a row. `values` has one entry for every pair; without a target it only stands beside the others."""

    what: str
    against: str
    values: tuple[float, ...]
    target: Target | None = None
    #: `x` is a ratio; else what the number counts: "s", "MiB", "%", "/255"
    unit: str = "x"
    #: what of the pairs is the figure: a ratio is their median, an error their greatest
    by: Literal["median", "max", "min"] = "median"
    #: of every pair, where `values` are ratios of times
    seconds_ours: tuple[float, ...] = ()
    seconds_theirs: tuple[float, ...] = ()
    note: str = ""

    @property
    def value(self) -> float:
        if self.by == "median":
            return statistics.median(self.values)
        return max(self.values) if self.by == "max" else min(self.values)

    @property
    def met(self) -> bool | None:
        """None where nothing is asked."""
        return None if self.target is None else self.target.met_by(self.value)


@dataclass(frozen=True)
class Bench:
    """How a row is to be measured."""

    #: at least five, unless `quick`
    pairs: int = 5
    #: small and few: shows that the row runs, its numbers are not kept
    quick: bool = False
    #: large files that are made once
    cache: Path = Path("build") / "benchmarks"

    def say(self, text: str) -> None:
        """Progress, for the one who waits."""
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


@dataclass(frozen=True)
class Row:
    """A row's name in the issue, what it is about, and how it is measured; NotHereError where it cannot be."""

    name: str
    what: str
    measure: Callable[[Bench], Iterable[Figure]]


@dataclass(frozen=True)
class Turn(Generic[Output]):
    """One turn of one side: how long the part that counts took, and what came of it."""

    seconds: float
    output: Output


@dataclass(frozen=True)
class Pair(Generic[Ours, Theirs]):
    """One turn of each side, one right after the other."""

    ours: Turn[Ours]
    theirs: Turn[Theirs]


def timed(run: Callable[[], Output]) -> Callable[[], Turn[Output]]:
    """A side whose whole turn counts."""

    def turn() -> Turn[Output]:
        began = time.perf_counter()
        output = run()
        return Turn(time.perf_counter() - began, output)

    return turn


def alternate(
    bench: Bench, ours: Callable[[], Turn[Ours]], theirs: Callable[[], Turn[Theirs]], warm_up: bool = True
) -> list[Pair[Ours, Theirs]]:
    """The two sides by turns, the first of a pair changing: ours theirs, theirs ours, …

    A pair that is not counted goes first, unless `warm_up` is False.
    """
    pairs = []
    for number in range(0 if warm_up else 1, bench.pairs + 1):
        if number % 2:
            one, other = ours(), theirs()
        else:
            other, one = theirs(), ours()
        bench.say(f"  pair {number} of {bench.pairs}: {one.seconds:.3f} s, {other.seconds:.3f} s")
        if number:
            pairs.append(Pair(one, other))
    return pairs


def faster(pairs: Sequence[Pair[Any, Any]], what: str, against: str, target: Target | None, note: str = "") -> Figure:
    """Their time through ours: how many times as fast."""
    ours, theirs = (tuple(getattr(pair, side).seconds for pair in pairs) for side in ("ours", "theirs"))
    values = tuple(their / our for our, their in zip(ours, theirs, strict=True))
    return Figure(what, against, values, target, seconds_ours=ours, seconds_theirs=theirs, note=note)


def share(pairs: Sequence[Pair[Any, Any]], what: str, against: str, target: Target | None, note: str = "") -> Figure:
    """Our time through theirs: what part of it, or how many times as long."""
    ours, theirs = (tuple(getattr(pair, side).seconds for pair in pairs) for side in ("ours", "theirs"))
    values = tuple(our / their for our, their in zip(ours, theirs, strict=True))
    return Figure(what, against, values, target, seconds_ours=ours, seconds_theirs=theirs, note=note)
