"""Amounts as characters: a bar for now, a line of little columns for the last minute; readable without colour."""

from __future__ import annotations

from collections.abc import Sequence

_COLUMNS = "▁▂▃▄▅▆▇█"


def bar(percent: float, width: int) -> str:
    """Thick is used, thin is left."""
    filled = round(width * min(max(percent, 0.0), 100.0) / 100)
    return "━" * filled + "─" * (width - filled)


def spark(percents: Sequence[int | None], width: int) -> str:
    """The last `width` values, the newest at the right; a blank where one is not known."""
    last = list(percents)[-width:]
    columns = [" " if each is None else _COLUMNS[min(7, max(0, each) * 8 // 100)] for each in last]
    return "".join(columns).rjust(width)
