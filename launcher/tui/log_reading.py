"""What is found out about the lines of a log before they are kept; done in the thread that reads a flooding child."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from launcher.core.text import Text
from launcher.tui.log_levels import Levels
from launcher.tui.untrusted import plain_lines

#: lines in; the indices of those that are known out, with what is known
Known = Callable[[Sequence[str]], Sequence[tuple[int, Text]]]


@dataclass(frozen=True)
class Block:
    """Lines that one child has printed one after the other, ready to be kept: `texts` as they may be shown."""

    source: str
    texts: Sequence[str]
    levels: bytes
    #: what is known, and at which of the lines; None: nobody who knows has been asked yet
    known: Sequence[tuple[int, Text]] | None


class LogReader:
    """Reads each child's lines in their order, whichever thread it is called from."""

    def __init__(self, known: Known | None = None) -> None:
        self._known = known
        self._levels: dict[str, Levels] = {}
        self._lock = threading.Lock()

    def read(self, source: str, lines: Sequence[str]) -> Block:
        """The next lines of a child."""
        texts = plain_lines(lines)
        with self._lock:
            levels = self._levels.setdefault(source, Levels()).of_all(texts)
            return Block(source, texts, bytes(levels), self._asked(texts))

    def known(self, block: Block) -> Sequence[tuple[int, Text]]:
        """What is known of its lines; what was read before anything could be known is asked about now."""
        if block.known is not None:
            return block.known
        with self._lock:
            return self._asked(block.texts) or ()

    def know(self, known: Known, texts: Sequence[str]) -> Sequence[tuple[int, Text]]:
        """From now on `known` is asked about every line; what it says of these, which have been kept already."""
        with self._lock:
            self._known = known
            return known(texts)

    def _asked(self, texts: Sequence[str]) -> Sequence[tuple[int, Text]] | None:
        return self._known(texts) if self._known else None
