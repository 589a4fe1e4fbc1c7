"""The table of all rows, for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.frame import Figure, Target
from benchmarks.results import Result

HEAD = ("row", "what", "against", "measured", "spread", "target", "met")
_UNITS = {"x": "×", "%": " %", "/255": "/255"}


def rows_of(results: Iterable[Result]) -> Iterator[tuple[str, ...]]:
    """One line of cells per figure, or one that says why there is none."""
    for result in results:
        if result.missing:
            yield (result.row, result.what, "", f"not measured: {result.missing}", "", "", "")
        for figure in result.figures:
            yield (result.row, figure.what, figure.against, amount(figure.value, figure.unit), _spread(figure),
                   _target(figure.target, figure.unit), _met(figure))  # fmt: skip


def amount(value: float, unit: str) -> str:
    """Three digits."""
    return f"{_number(value)}{_UNITS.get(unit, ' ' + unit)}"


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _spread(figure: Figure) -> str:
    if len(figure.values) < 2:
        return ""
    return f"{_number(min(figure.values))} to {_number(max(figure.values))}"


def _target(target: Target | None, unit: str) -> str:
    if target is None:
        return ""
    return f"{'≤' if target.at_most else '≥'} {amount(target.value, unit)}"


def _met(figure: Figure) -> str:
    return {None: "", True: "yes", False: "no"}[figure.met]


def plain(results: Iterable[Result]) -> str:
    """Columns for a terminal."""
    lines = [HEAD, *rows_of(results)]
    shown = [line for line in lines if not line[3].startswith("not measured")]
    widths = [max(len(line[place]) for line in shown) for place in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
                     for line in lines)  # fmt: skip


def page(results: Iterable[Result], head: Sequence[str] = HEAD) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows_of(results)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
