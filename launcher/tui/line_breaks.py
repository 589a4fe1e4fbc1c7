"""Where Chinese may break: between any two characters, but no line begins with a comma or ends with a bracket.

Textual breaks lines at spaces alone and would carry whole sentences to the next line. Its own function for that is
replaced for the whole interface, because every widget that wraps text goes through it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import textual.content
from rich._wrap import divide_line as textuals
from rich.cells import cell_len, chop_cells

_WIDE = "\u2e80-\u2fff\u3005-\u3007\u3021-\ua4cf\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
_CHINESE = re.compile(f"[{_WIDE}]")
_OPENING = "（《〈「『【〔“‘"
_CLOSING = "，。、；：？！）》〉」』】〕”’…—％·"
#: what stays together: opening marks, one wide character or a word of others, closing marks, spaces
_PIECE = re.compile(rf"[{_OPENING}]*(?:[{_WIDE}]|[^\s{_WIDE}{_OPENING}{_CLOSING}]+)?[{_CLOSING}]*\s*")


def use() -> None:
    """From now on, in this process."""
    textual.content.divide_line = divide_line  # type: ignore[attr-defined]


def divide_line(text: str, width: int, fold: bool = True) -> list[int]:
    """The indices in `text` at which a new line of `width` cells begins; what is longer is cut if `fold`."""
    if not _CHINESE.search(text):
        return textuals(text, width, fold)
    breaks: list[int] = []
    used = 0
    for start, piece in _pieces(text):
        long = cell_len(piece.rstrip())
        if used and used + long > width:
            breaks.append(start)
            used = 0
        if long > width and fold:
            *cut, last = chop_cells(piece, max(width, 2))
            at = start
            for part in cut:
                at += len(part)
                breaks.append(at)
            used = cell_len(last)
        else:
            used += cell_len(piece)
    return breaks


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    for found in _PIECE.finditer(text):
        if found[0]:
            yield found.start(), found[0]
