"""A grid with words above its columns and beside its rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from runtime.engine.grids import image_grid
from runtime.engine.scripts.letters import font_for

_BLACK, _GREY = "#000000", "#999999"
#: share of a cell's width that words beside rows may take
_LEFT = 0.75


@dataclass(frozen=True)
class Words:
    """One text of a legend; what is not `active` is grey and struck through."""

    text: str
    active: bool = True


#: the texts of one column or row, one below the other
Label = tuple[Words, ...]


def grid_with_legend(
    images: Sequence[Image.Image], columns: Sequence[Label], rows: Sequence[Label], margin: int = 0
) -> Image.Image:
    """`images` row by row under the labels of their columns, beside those of their rows; empty ones take no room."""
    width, height = (max(sides) for sides in zip(*(image.size for image in images), strict=True))
    size = max(10, (width + height) // 25)
    left = int(width * _LEFT) if any(words.text for label in rows for words in label) else 0
    above = [_lines(label, width, size) for label in columns]
    beside = [_lines(label, left, size) for label in rows]
    top = max((_height(lines, size) for lines in above), default=0)
    # words that need more than a cell's height make all rows taller
    height = max(height, *(_height(lines, size) for lines in beside))
    grid = image_grid([_on_white(image, width, height) for image in images], len(rows), margin=margin)
    whole = Image.new("RGB", (grid.width + left, grid.height + top), "white")
    whole.paste(grid, (left, top))
    pen = ImageDraw.Draw(whole)
    for column, lines in enumerate(above):
        _write(pen, lines, left + column * (width + margin) + width / 2, top / 2, size)
    for row, lines in enumerate(beside):
        _write(pen, lines, left / 2, top + row * (height + margin) + height / 2, size)
    return whole


def _on_white(image: Image.Image, width: int, height: int) -> Image.Image:
    whole = Image.new("RGB", (width, height), "white")
    whole.paste(image.convert("RGB"), ((width - image.width) // 2, (height - image.height) // 2))
    return whole


def _lines(label: Label, width: int, size: int) -> list[Words]:
    """Broken where a line is full; a word longer than a line is broken too."""
    return [
        Words(line, words.active) for words in label if words.text for line in _broken(words.text, width - size, size)
    ]


def _broken(text: str, width: int, size: int) -> list[str]:
    font, text = font_for(text.replace("\n", " "), size)
    if width <= size:
        return [text]
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if font.getlength(longer) <= width:
            line = longer
            continue
        lines += [line] if line else []
        while font.getlength(word) > width and len(word) > 1:
            room = max(1, math.floor(len(word) * width / font.getlength(word)))
            lines.append(word[:room])
            word = word[room:]
        line = word
    return [*lines, line] if line else lines


def _height(lines: Sequence[Words], size: int) -> int:
    return int(len(lines) * size * 1.5 + size) if lines else 0


def _write(pen: ImageDraw.ImageDraw, lines: Sequence[Words], x: float, y: float, size: int) -> None:
    """Centred around a point."""
    y -= (len(lines) - 1) * size * 0.75
    for line in lines:
        font, text = font_for(line.text, size)
        colour = _BLACK if line.active else _GREY
        pen.text((x, y), text, fill=colour, font=font, anchor="mm")
        if not line.active:
            half = font.getlength(text) / 2
            pen.line((x - half, y, x + half, y), fill=colour, width=max(1, size // 12))
        y += size * 1.5
