"""A small coverage-guided fuzzer: inputs are changed at random, and what reaches a new line is changed further."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from types import CodeType, FrameType
from typing import Any

LONGEST = 32 * 1024
NUMBERS = (b"0", b"-1", b"1e999", b"-0.0", b"nan", b"99999999999999999999", b"2147483648", b"\xc2\xb2", b"9" * 5000)


class Coverage:
    """Which steps from line to line of the files named by `parts` were ever taken, by whatever runs inside `of`."""

    def __init__(self, parts: Sequence[str]) -> None:
        self._parts = tuple(parts)
        self._numbers: dict[CodeType, int] = {}
        self.seen: set[int] = set()
        self._now: set[int] = set()
        #: steps of the last run that no run before had taken
        self.new = 0

    def of(self, run: Callable[[], object]) -> None:
        """Runs it. What `run` raises passes through, and its steps count all the same."""
        self._now = set()
        sys.settrace(self._entered)
        try:
            run()
        finally:
            sys.settrace(None)
            self.new = len(self._now - self.seen)
            self.seen |= self._now

    def _entered(self, frame: FrameType, _event: str, _argument: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        number = self._numbers.get(code)
        if number is None:
            name = code.co_filename.replace("\\", "/")
            wanted = any(part in name for part in self._parts)
            number = self._numbers[code] = len(self._numbers) + 1 if wanted else 0
        if not number:
            return None
        before, add = [0], self._now.add
        base = number << 40

        def stepped(frame: FrameType, event: str, _argument: Any) -> Any:
            if event == "line":
                line = frame.f_lineno
                add(base | before[0] << 20 | line)
                before[0] = line
            return stepped

        return stepped


class Mutator:
    """Changes bytes; `words` are what the language under test is made of."""

    def __init__(self, chance: random.Random, words: Sequence[bytes]) -> None:
        self._chance = chance
        self._words = (*words, *NUMBERS)
        self._changes = (
            self._insert_word, self._insert_word, self._replace_by_word, self._flip, self._insert_noise, self._cut,
            self._double, self._move, self._join,
        )  # fmt: skip

    def changed(self, data: bytes, others: Sequence[bytes]) -> bytes:
        for _ in range(self._chance.choice((1, 1, 2, 3, 5, 8))):
            data = self._chance.choice(self._changes)(data, others)
        if self._chance.random() < 0.004:
            data = self._pumped(data)
        return data[:LONGEST]

    def _place(self, data: bytes) -> int:
        return self._chance.randint(0, len(data))

    def _span(self, data: bytes) -> tuple[int, int]:
        start = self._place(data)
        return start, min(len(data), start + self._chance.choice((1, 1, 2, 4, 16, 64, 256)))

    def _insert_word(self, data: bytes, _others: Sequence[bytes]) -> bytes:
        at = self._place(data)
        return data[:at] + self._chance.choice(self._words) + data[at:]

    def _replace_by_word(self, data: bytes, _others: Sequence[bytes]) -> bytes:
        start, end = self._span(data)
        return data[:start] + self._chance.choice(self._words) + data[end:]

    def _flip(self, data: bytes, _others: Sequence[bytes]) -> bytes:
        if not data:
            return bytes([self._chance.randrange(256)])
        at = self._chance.randrange(len(data))
        value = (
            data[at] ^ 1 << self._chance.randrange(8) if self._chance.random() < 0.5 else self._chance.randrange(256)
        )
        return data[:at] + bytes([value]) + data[at + 1 :]

    def _insert_noise(self, data: bytes, _others: Sequence[bytes]) -> bytes:
        at = self._place(data)
        return data[:at] + self._chance.randbytes(self._chance.choice((1, 2, 4, 8))) + data[at:]

    def _cut(self, data: bytes, _others: Sequence[bytes]) -> bytes:
        start, end = self._span(data)
        return data[:start] + data[end:]

    def _double(self, data: bytes, _others: Sequence[bytes]) -> bytes:
        start, end = self._span(data)
        return data[:end] + data[start:end] * self._chance.choice((1, 1, 3, 20)) + data[end:]

    def _move(self, data: bytes, _others: Sequence[bytes]) -> bytes:
        start, end = self._span(data)
        rest, at = data[:start] + data[end:], self._place(data)
        return rest[:at] + data[start:end] + rest[at:]

    def _join(self, data: bytes, others: Sequence[bytes]) -> bytes:
        other = self._chance.choice(others) if others else b""
        return data[: self._place(data)] + other[self._place(other) :]

    def _pumped(self, data: bytes) -> bytes:
        """A piece so often that anything that takes the square of its length is seen."""
        start, end = self._span(data)
        piece = data[start:end] or b"a"
        return data[:end] + piece * (LONGEST // len(piece)) + data[end:]


def pumped(words: Sequence[bytes], seeds: Sequence[bytes], length: int = LONGEST) -> list[bytes]:
    """Every word until the input is full, alone, and between the halves of a seed; pairs of words as well."""
    found = []
    first = seeds[0] if seeds else b""
    for number, word in enumerate(words):
        other = words[(number * 7 + 3) % len(words)]
        found.append(word * (length // len(word)))
        found.append(first[: len(first) // 2] + word * (length // len(word)) + first[len(first) // 2 :] + b"!")
        found.append((word + other) * (length // len(word + other)))
        found.append(word * (length // 2 // len(word)) + other * (length // 2 // len(other)))
    return [each[: 2 * length] for each in found[:: max(1, len(found) // 100)]]
