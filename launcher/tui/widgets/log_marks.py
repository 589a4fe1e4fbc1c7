"""What stands out in a row of the log."""

from __future__ import annotations

from itertools import pairwise

from rich.segment import Segment
from rich.style import Style


def marked(text: str, style: Style, marks: list[tuple[int, int, Style]]) -> list[Segment]:
    """The text in segments; a later mark lies over an earlier one."""
    if not marks:
        return [Segment(text, style)]
    edges = sorted({0, len(text), *(min(edge, len(text)) for start, end, _ in marks for edge in (start, end))})
    found = []
    for left, right in pairwise(edges):
        over = [mark for start, end, mark in marks if start <= left and right <= end]
        found.append(Segment(text[left:right], sum(over, style)))
    return found
