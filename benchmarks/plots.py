"""Plots as SVG, written by hand: no library has to be installed, and the same results give the same file."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from itertools import chain

from benchmarks.frame import Figure
from benchmarks.results import Result

_WIDTH, _LINE, _LEFT, _RIGHT, _TOP = 860, 30, 380, 60, 64
_OURS, _THEIRS, _MISSED, _INK, _GREY = "#2f6f5e", "#b5b0a5", "#b4552d", "#22262b", "#8a8f98"


def ratios(results: Sequence[Result], title: str, note: str) -> str:
    """A bar for every ratio with a target, on a logarithmic axis whose 1 is the peer; to the right is better.

    What is to be small is turned over: 0.5 times as long is twice as good.
    """
    bars = [(f"{result.row}  {one.what}", one) for result in results for one in result.figures if _is_ratio(one)]
    values = [value for _, one in bars for value in (*_better(one), _aim(one))]
    low, high = min([0.8, *values]) / 1.15, max([2.0, *values]) * 1.3
    height = _TOP + _LINE * len(bars) + 46

    def place(value: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * math.log(value / low) / math.log(high / low)

    drawn = [_text(16, 24, title, size=16, weight="bold"), _text(16, 44, note, colour=_GREY)]
    for tick in (one for one in (0.5, 1, 2, 5, 10, 20, 50, 100) if low <= one <= high):
        drawn.append(_line(place(tick), _TOP - 6, place(tick), height - 34, _INK if tick == 1 else "#e3e1dc"))
        drawn.append(_text(place(tick), height - 16, f"{tick:g}×", anchor="middle", colour=_GREY))
    for number, (name, one) in enumerate(bars):
        drawn += _bar(place, _TOP + _LINE * number, name, one)
    return _svg(height, drawn)


def _is_ratio(figure: Figure) -> bool:
    return figure.unit == "x" and figure.target is not None


def _aim(figure: Figure) -> float:
    return 1.0 if figure.target is None else _turned(figure, figure.target.value)


def _turned(figure: Figure, value: float) -> float:
    return 1 / value if figure.target is not None and figure.target.at_most else value


def _better(figure: Figure) -> list[float]:
    return [_turned(figure, value) for value in figure.values]


def _bar(place: Callable[[float], float], top: float, name: str, figure: Figure) -> list[str]:
    values, value, colour = _better(figure), _turned(figure, figure.value), _OURS if figure.met else _MISSED
    one, end, target = place(1.0), place(value), place(_aim(figure))
    return [
        _text(_LEFT - 14, top + 17, _short(name), anchor="end"),
        f'<rect x="{min(one, end):.1f}" y="{top + 5}" width="{abs(end - one):.1f}" height="16" fill="{colour}"/>',
        _line(place(min(values)), top + 13, place(max(values)), top + 13, _INK),
        _line(target, top + 1, target, top + 25, _INK, 2.5),
        _text(max(end, place(max(values)), target) + 8, top + 17, f"{figure.value:.3g}×", weight="bold"),
    ]


def seconds(result: Result, figure: Figure, title: str, note: str) -> str:
    """Every pair as two bars, seconds from nought."""
    pairs = list(zip(figure.seconds_ours, figure.seconds_theirs, strict=True))
    longest = max(chain.from_iterable(pairs))
    scale = (_WIDTH - 160 - _RIGHT) / longest
    height = _TOP + 40 * len(pairs) + 16
    drawn = [_text(16, 24, title, size=16, weight="bold"), _text(16, 44, note, colour=_GREY)]
    for number, pair in enumerate(pairs):
        top = _TOP + 40 * number
        drawn.append(_text(16, top + 20, f"{result.row}  {number + 1}", colour=_GREY))
        for place, (taken, colour) in enumerate(zip(pair, (_OURS, _THEIRS), strict=True)):
            y = top + 15 * place
            drawn.append(f'<rect x="80" y="{y}" width="{taken * scale:.1f}" height="13" fill="{colour}"/>')
            drawn.append(_text(88 + taken * scale, y + 11, f"{taken:.3g} s"))
    return _svg(height, drawn)


def _short(name: str) -> str:
    return name if len(name) <= 58 else name[:57] + "…"


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def _text(
    x: float, y: float, text: str, size: int = 12, anchor: str = "start", colour: str = _INK, weight: str = "normal"
) -> str:
    how = f'font-size="{size}" text-anchor="{anchor}" fill="{colour}" font-weight="{weight}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {how}>{escape(text)}</text>'


def _svg(height: float, drawn: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    ground = f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
    return "\n".join([head + ' font-family="Helvetica, Arial, sans-serif">', ground, *drawn, "</svg>"]) + "\n"
