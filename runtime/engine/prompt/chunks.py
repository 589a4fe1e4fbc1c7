"""Text to chunks of 75 tokens, as CLIP reads them, with embeddings where their names stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Protocol

from runtime.engine.prompt.emphasis import Break, Run, parse_emphasis
from runtime.engine.tokenizer import END, START, token_ids
from runtime.request import RequestError

CHUNK = 75
#: how far back a comma may lie for the phrase after it to move to the next chunk
COMMA_REACH = 20
#: characters of runs that are worth remembering
SHORT = 100


class Embedding(Protocol):
    """A trained word: `length` tokens of a prompt give way to its vectors."""

    @property
    def name(self) -> str: ...
    @property
    def length(self) -> int:
        """How many tokens its name has."""

    @property
    def vectors(self) -> Sequence[Sized]:
        """For each text model in turn as many vectors, (n, width)."""

    @property
    def sha12(self) -> str: ...


class Book(Protocol):
    """The embeddings at hand."""

    def match(self, ids: Sequence[int], at: int) -> Embedding | None:
        """The embedding with the longest name among those whose tokens stand in `ids` from place `at` on."""

    def remarks(self, ids: Sequence[int]) -> Sequence[str]:
        """A sentence for each embedding that is named in `ids` and cannot be used."""


@dataclass(frozen=True)
class Chunk:
    """77 token ids (start, 75, end) and their 77 weights; start, end and padding weigh 1.

    `embeddings` stand at places of these 77; the ids below them are 0.
    """

    ids: tuple[int, ...]
    weights: tuple[float, ...]
    embeddings: tuple[tuple[int, Embedding], ...] = ()


EMPTY = Chunk((START, *(END,) * (CHUNK + 1)), (1.0,) * (CHUNK + 2))


@dataclass
class _Cutter:
    """Fills chunks one token at a time."""

    reach: int
    chunks: list[Chunk] = field(default_factory=list)
    tokens: list[tuple[int, float]] = field(default_factory=list)
    #: place among the tokens, and what stands there
    embeddings: list[tuple[int, Embedding]] = field(default_factory=list)
    #: place after the last comma of the growing chunk
    after_comma: int | None = None

    def make_room(self, comma: bool) -> None:
        """Cut where the chunk is full; a phrase that began shortly before goes along to the next."""
        if len(self.tokens) == CHUNK:
            self.cut(keep=0 if comma else self._phrase())

    def add(self, token: int, weight: float) -> None:
        comma = token == comma_id()
        self.make_room(comma)
        self.tokens.append((token, weight))
        if comma:
            self.after_comma = len(self.tokens)

    def place(self, embedding: Embedding, weight: float) -> None:
        """An embedding is never cut: where it does not fit, a new chunk starts."""
        count = len(embedding.vectors[0])
        if count > CHUNK:
            message = f"The embedding {embedding.name} has {count} vectors, and a chunk of the prompt holds {CHUNK}."
            raise RequestError("embedding-too-long", message, "Leave its name out of the prompt.")
        self.make_room(comma=False)
        if len(self.tokens) + count > CHUNK:
            self.cut()
        self.embeddings.append((len(self.tokens), embedding))
        self.tokens += [(0, weight)] * count

    def _phrase(self) -> int:
        """How many tokens at the end belong to a phrase that began after a comma within reach."""
        if self.after_comma is None:
            return 0
        length = CHUNK - self.after_comma
        return length if length < self.reach else 0

    def cut(self, keep: int = 0) -> None:
        """Pad and store the chunk; its last `keep` tokens begin the next one."""
        self.after_comma = None
        end = len(self.tokens) - keep
        if not end:
            self.chunks.append(EMPTY)
            return
        inside, self.tokens = self.tokens[:end], self.tokens[end:]
        placed = tuple((at + 1, embedding) for at, embedding in self.embeddings if at < end)
        self.embeddings = [(at - end, embedding) for at, embedding in self.embeddings if at >= end]
        room = CHUNK - end
        ids = (START, *(token for token, _ in inside), *(END,) * (room + 1))
        weights = (1.0, *(weight for _, weight in inside), *(1.0,) * (room + 1))
        self.chunks.append(Chunk(ids, weights, placed))


@cache
def comma_id() -> int:
    return token_ids(",")[0]


def chunks_of(runs: Iterable[Run | Break], reach: int = COMMA_REACH, book: Book | None = None) -> tuple[Chunk, ...]:
    """At least one chunk; a comma at most `reach` tokens before a chunk's end takes the phrase after it along."""
    return tuple(_cut(runs, reach, book).chunks)


def _cut(runs: Iterable[Run | Break], reach: int, book: Book | None) -> _Cutter:
    cutter = _Cutter(reach)
    for run in runs:
        if isinstance(run, Break):
            cutter.cut()
        else:
            ids = token_ids(run.text) if len(run.text) > SHORT else _token_ids(run.text)
            _fill(cutter, ids, run.weight, book)
    if cutter.tokens or not cutter.chunks:
        cutter.cut()
    return cutter


@lru_cache(maxsize=10_000)
def _token_ids(short: str) -> Sequence[int]:
    """The texts of an edited prompt share most of their runs."""
    return tuple(token_ids(short))


def _fill(cutter: _Cutter, ids: Sequence[int], weight: float, book: Book | None) -> None:
    at = 0
    while at < len(ids):
        embedding = book.match(ids, at) if book else None
        if embedding is None:
            cutter.add(ids[at], weight)
            at += 1
        else:
            cutter.place(embedding, weight)
            at += embedding.length


def prompt_chunks(
    prompt: str, emphasis: str = "Original", reach: int = COMMA_REACH, book: Book | None = None
) -> tuple[Chunk, ...]:
    """The chunks of a text of an edit schedule; under the emphasis "None" brackets and BREAK are words like others."""
    runs = [Run(prompt, 1.0)] if emphasis == "None" else parse_emphasis(prompt)
    return chunks_of(runs, reach, book)
