"""A Textual screen as a small SVG: a rectangle and a text for each run of equal style, every cell where it belongs."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.app import App

_WIDE, _HIGH, _BASE = 8.4, 17, 13
#: of the reader's computer; nothing is asked of another host
_FONTS = "Cascadia Mono,DejaVu Sans Mono,Menlo,Consolas,Noto Sans Mono CJK SC,Microsoft YaHei,monospace"
_MARGIN = 8
#: spaces; signs of two cells (as far as these screens have them); words with single spaces between
_DOUBLE = "\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6"
_PIECE = re.compile(rf" +|[{_DOUBLE}]+|[▀-█]|[^ ▀-█{_DOUBLE}]+(?: [^ ▀-█{_DOUBLE}]+)*")


@dataclass(frozen=True)
class Run:
    """Cells of one line that look alike: `x` counts cells."""

    x: int
    text: str
    colour: str
    ground: str
    bold: bool = False
    italic: bool = False
    underline: bool = False

    @property
    def cells(self) -> int:
        """How many it takes; a Chinese character takes two."""
        return cell_len(self.text)


def drawn(app: App[int]) -> str:
    """What a person sees now."""
    width, height = app.size
    ground = app.theme_variables["background"]
    # No public call gives the lines of all widgets together.
    strips = app.screen._compositor.render_strips()[:height]  # noqa: SLF001
    lines = [list(runs(strip)) for strip in strips]
    parts: list[str] = []
    for row, line in enumerate(lines):
        parts += [_box(run, row) for run in line if run.ground.lower() != ground.lower()]
        parts += [_signs(piece, row) for run in line for piece in _pieces(run)]
    w, h = width * _WIDE + 2 * _MARGIN, height * _HIGH + 2 * _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w:g} {h:g}" width="{w:g}">'
        f'<rect width="100%" height="100%" rx="6" fill="{ground}"/>'
        f'<g transform="translate({_MARGIN} {_MARGIN})" font-family="{_FONTS}" font-size="14" '
        'shape-rendering="crispEdges">' + "".join(parts) + "</g></svg>\n"
    )


def runs(strip: Iterable[Segment]) -> Iterator[Run]:
    """The strip's segments, neighbours that look alike joined."""
    x, last = 0, None
    for segment in strip:
        if not segment.text or segment.control:
            continue
        run = _run(segment, x)
        x += run.cells
        if last is not None and _look(last) == _look(run):
            last = Run(last.x, last.text + run.text, *_look(last))
            continue
        if last is not None:
            yield last
        last = run
    if last is not None:
        yield last


def _look(run: Run) -> tuple[str, str, bool, bool, bool]:
    return run.colour, run.ground, run.bold, run.italic, run.underline


def _run(segment: Segment, x: int) -> Run:
    style = segment.style or Style()
    colour, ground = _hex(style, "color", "#e6e3dc"), _hex(style, "bgcolor", "#16171a")
    if style.reverse:
        colour, ground = ground, colour
    return Run(x, segment.text, colour, ground, bool(style.bold), bool(style.italic), bool(style.underline))


def _hex(style: Style, name: str, otherwise: str) -> str:
    colour = getattr(style, name)
    return otherwise if colour is None or colour.is_default else str(colour.get_truecolor().hex)


def _pieces(run: Run) -> Iterator[Run]:
    """Words apart where more than one space parts them, wide signs apart from narrow ones: each piece is stretched to
    its own cells, and no viewer has to keep spaces.
    """
    x = run.x
    for piece in _PIECE.findall(run.text):
        if not piece.isspace():
            yield Run(x, piece, *_look(run))
        x += cell_len(piece)


def _box(run: Run, row: int) -> str:
    place = f'x="{run.x * _WIDE:g}" y="{row * _HIGH}" width="{run.cells * _WIDE:g}"'
    return f'<rect {place} height="{_HIGH}" fill="{run.ground}"/>'


def _signs(run: Run, row: int) -> str:
    """Blocks fill their cells, which letters of a font seldom do."""
    if len(run.text) > 1 or not "▀" <= run.text <= "█":
        return _text(run, row)
    share = 0.5 if run.text == "▀" else (ord(run.text) - ord("▀")) / 8
    top = 0.0 if run.text == "▀" else 1 - share
    place = f'x="{run.x * _WIDE:g}" y="{(row + top) * _HIGH:g}" width="{_WIDE:g}"'
    return f'<rect {place} height="{share * _HIGH:g}" fill="{run.colour}"/>'


def _text(run: Run, row: int) -> str:
    more = (' font-weight="bold"' if run.bold else "") + (' font-style="italic"' if run.italic else "")
    more += ' text-decoration="underline"' if run.underline else ""
    return (
        f'<text x="{run.x * _WIDE:g}" y="{row * _HIGH + _BASE:g}" textLength="{run.cells * _WIDE:g}" '
        f'lengthAdjust="spacingAndGlyphs" fill="{run.colour}"{more}>{html.escape(run.text, quote=False)}</text>'
    )
