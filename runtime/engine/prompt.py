"""The prompt's language: emphasis brackets, BREAK, and the cut into chunks of 75 tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from runtime.engine.tokenizer import END, START, token_ids

CHUNK = 75
#: how far back a comma may lie for the phrase after it to move to the next chunk
COMMA_REACH = 20
ROUND, SQUARE = 1.1, 1 / 1.1
_TOKEN = re.compile(r"\\[()\[\]\\]|\\|:\s*(?P<weight>[+-]?(?:\d+\.?\d*|\.\d+))\s*\)|[()\[\]:]|[^\\()\[\]:]+")
_COMMENT = re.compile(r"#[^\n]*")
_BREAK = re.compile(r"\bBREAK\b")


@dataclass(frozen=True)
class Run:
    """A stretch of text under one weight."""

    text: str
    weight: float


@dataclass(frozen=True)
class Chunk:
    """77 token ids (start, 75, end) and their 77 weights; start, end and padding weigh 1."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]


@dataclass
class _Bracket:
    """An opening bracket; its factor is known once it is closed."""

    factor: float


def without_comments(prompt: str) -> str:
    """Drop everything from a `#` to the end of its line."""
    return _COMMENT.sub("", prompt).strip() if "#" in prompt else prompt


def parse_emphasis(prompt: str) -> list[Run]:
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


def _weighed(pieces: Iterable[str | tuple[str, _Bracket]]) -> Iterator[Run]:
    """Second pass: round and square brackets may interlock, so each kind keeps its own stack of products."""
    products = {"()": [1.0], "[]": [1.0]}
    for piece in pieces:
        if isinstance(piece, str):
            yield Run(piece, products["()"][-1] * products["[]"][-1])
            continue
        mark, bracket = piece
        stack = products["()" if mark in "()" else "[]"]
        if mark in "([":
            stack.append(stack[-1] * bracket.factor)
        else:
            stack.pop()


def _joined(runs: Iterable[Run]) -> list[Run]:
    texts: list[list[str]] = []
    weights: list[float] = []
    for run in runs:
        if not weights or weights[-1] != run.weight:
            texts.append([])
            weights.append(run.weight)
        texts[-1].append(run.text)
    return [Run("".join(parts), weight) for parts, weight in zip(texts, weights, strict=True)] or [Run("", 1.0)]


@dataclass
class _Cutter:
    """Fills chunks one token at a time."""

    chunks: list[Chunk] = field(default_factory=list)
    tokens: list[tuple[int, float]] = field(default_factory=list)
    #: place after the last comma of the growing chunk
    after_comma: int | None = None

    def add(self, token: int, weight: float) -> None:
        comma = token == comma_id()
        if len(self.tokens) == CHUNK:
            self.cut(keep=0 if comma else self._phrase())
        self.tokens.append((token, weight))
        if comma:
            self.after_comma = len(self.tokens)

    def _phrase(self) -> int:
        """How many tokens at the end belong to a phrase that began after a comma within reach."""
        if self.after_comma is None:
            return 0
        length = CHUNK - self.after_comma
        return length if length < COMMA_REACH else 0

    def cut(self, keep: int = 0) -> None:
        """Pad and store the chunk; its last `keep` tokens begin the next one."""
        inside = self.tokens[: len(self.tokens) - keep]
        self.tokens = self.tokens[len(inside) :]
        self.after_comma = None
        room = CHUNK - len(inside)
        ids = (START, *(token for token, _ in inside), *(END,) * (room + 1))
        self.chunks.append(Chunk(ids, (1.0, *(weight for _, weight in inside), *(1.0,) * (room + 1))))


@cache
def comma_id() -> int:
    return token_ids(",")[0]


def chunks_of(runs: Iterable[Run]) -> tuple[Chunk, ...]:
    """At least one chunk; a comma at most 20 tokens before a chunk's end takes the phrase after it along."""
    cutter = _Cutter()
    for run in runs:
        for number, part in enumerate(_BREAK.split(run.text)):
            if number:
                cutter.cut()
            for token in token_ids(part):
                cutter.add(token, run.weight)
    if cutter.tokens or not cutter.chunks:
        cutter.cut()
    return tuple(cutter.chunks)


def prompt_chunks(prompt: str) -> tuple[Chunk, ...]:
    """The chunks of a whole prompt, comments already removed."""
    return chunks_of(parse_emphasis(prompt))
