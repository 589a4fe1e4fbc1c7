"""What is fuzzed: a reader of strangers' input, the errors that it declares, and what its language is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """`run` reads bytes, raises `declared` alone, and asserts what must hold of what it read."""

    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...]
    declared: tuple[type[Exception], ...] = ()
    #: parts of the paths of files whose lines count as coverage
    code: tuple[str, ...] = ()

    def holds(self, data: bytes) -> None:
        """Runs it; anything but a declared error is a fault."""
        try:
            self.run(data)
        except self.declared:
            return


def text_of(data: bytes) -> str:
    """Text with lone surrogates where the bytes are no UTF-8."""
    return data.decode("utf-8", "surrogateescape")


def words(text: str) -> tuple[bytes, ...]:
    """Words between blanks, and what is between lines with \\n, \\t and a blank among them."""
    return (*(word.encode("utf-8", "surrogateescape") for word in text.split()), b"\n", b" ", b"\t", b"\x00", b"\r")
