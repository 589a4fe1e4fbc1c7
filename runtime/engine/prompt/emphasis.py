"""Emphasis: brackets that make words count more or less, and `BREAK`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

ROUND, SQUARE = 1.1, 1 / 1.1
_TOKEN = re.compile(
    r"\\[()\[\]\\]|\\|:\s*(?P<weight>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))\s*\)|[()\[\]:]|[^\\()\[\]:]+"
)
_BREAK = re.compile(r"\bBREAK\b")


@dataclass(frozen=True)
class Run:
    """A stretch of text under one weight."""

    text: str
    weight: float


@dataclass(frozen=True)
class Break:
    """The chunk ends here."""


@dataclass
class _Bracket:
    """An opening or closing bracket; its factor is known once it is closed."""

    factor: float


def parse_emphasis(prompt: str) -> list[Run | Break]:
    """`(x)` times 1.1, `[x]` divided by 1.1, `(x:1.3)` times 1.3, `\\(` literal; neighbours of one weight are joined.

    An unclosed bracket holds to the end, a closing one without a partner is text. Linear in the prompt's length.
    """
    return _joined(_weighed(_matched(prompt)))


def _matched(prompt: str) -> list[str | tuple[str, _Bracket]]:
    """First pass: text, and brackets ("(", "[", ")" or "]") that know their factor by its end."""
    pieces: list[str | tuple[str, _Bracket]] = []
    unclosed: dict[str, list[_Bracket]] = {")": [], "]": []}
    for token in _TOKEN.finditer(prompt):
        text, weight = token[0], token["weight"]
        closer = text[-1] if text in (")", "]") or weight is not None else ""
        if text in ("(", "["):
            bracket = _Bracket(ROUND if text == "(" else SQUARE)
            unclosed[")" if text == "(" else "]"].append(bracket)
            pieces.append((text, bracket))
        elif closer and unclosed[closer]:
            bracket = unclosed[closer].pop()
            bracket.factor = bracket.factor if weight is None else float(weight)
            pieces.append((closer, bracket))
        elif text[0] != "\\":
            pieces.append(text)
        elif len(text) == 2:
            pieces.append(text[1])
    return pieces


def _weighed(pieces: Iterable[str | tuple[str, _Bracket]]) -> Iterator[Run | Break]:
    """Second pass: round and square brackets may interlock, so each kind keeps its own stack of products."""
    products = {"()": [1.0], "[]": [1.0]}
    for piece in pieces:
        if isinstance(piece, str):
            weight = products["()"][-1] * products["[]"][-1]
            for number, text in enumerate(_BREAK.split(piece)):
                if number:
                    yield Break()
                yield Run(text, weight)
            continue
        mark, bracket = piece
        stack = products["()" if mark in "()" else "[]"]
        if mark in "([":
            stack.append(stack[-1] * bracket.factor)
        else:
            stack.pop()


def _joined(pieces: Iterable[Run | Break]) -> list[Run | Break]:
    """Neighbouring runs of one weight as one; empty ones left out, so that an empty prompt is an empty list."""
    joined: list[Run | Break] = []
    texts: list[str] = []
    weight = 1.0

    def finish() -> None:
        if texts:
            joined.append(Run("".join(texts), weight))
            texts.clear()

    for piece in pieces:
        if isinstance(piece, Break):
            finish()
            joined.append(piece)
            continue
        if not piece.text:
            continue
        if piece.weight != weight:
            finish()
            weight = piece.weight
        texts.append(piece.text)
    finish()
    return joined
