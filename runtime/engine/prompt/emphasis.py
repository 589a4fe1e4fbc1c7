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


def parse_emphasis(prompt: str) -> list[Run | Break]:
    """`(x)` times 1.1, `[x]` divided by 1.1, `(x:1.3)` times 1.3, `\\(` literal; neighbours of one weight are joined.

    An unclosed bracket holds to the end, a closing one without a partner is text. Linear in the prompt's length.
    """
    return _joined(_weighed(*_matched(prompt)))


def _matched(prompt: str) -> tuple[list[str], list[float | None]]:
    """First pass: texts and brackets, and beside each bracket the factor of its pair; beside texts None.

    Numbers instead of objects: a hundred thousand brackets are no work for the garbage collector.
    """
    pieces: list[str] = []
    factors: list[float | None] = []
    unclosed: dict[str, list[int]] = {")": [], "]": []}
    for token in _TOKEN.finditer(prompt):
        text, weight = token[0], token["weight"]
        closer = text[-1] if text in (")", "]") or weight is not None else ""
        if text in ("(", "["):
            unclosed[")" if text == "(" else "]"].append(len(pieces))
            pieces.append(text)
            factors.append(ROUND if text == "(" else SQUARE)
        elif closer and unclosed[closer]:
            opened = unclosed[closer].pop()
            factors[opened] = factors[opened] if weight is None else float(weight)
            pieces.append(closer)
            factors.append(factors[opened])
        elif text != "\\":
            pieces.append(text[1] if text[0] == "\\" else text)
            factors.append(None)
    return pieces, factors


def _weighed(pieces: Iterable[str], factors: Iterable[float | None]) -> Iterator[Run | Break]:
    """Second pass: round and square brackets may interlock, so each kind keeps its own stack of products."""
    products = {"()": [1.0], "[]": [1.0]}
    for piece, factor in zip(pieces, factors, strict=True):
        if factor is None:
            weight = products["()"][-1] * products["[]"][-1]
            for number, text in enumerate(_BREAK.split(piece)):
                if number:
                    yield Break()
                yield Run(text, weight)
            continue
        stack = products["()" if piece in "()" else "[]"]
        if piece in "([":
            stack.append(stack[-1] * factor)
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
