"""Looking for words in the log: every line that has them, the newest too as they come."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from launcher.tui.log_levels import INFO
from launcher.tui.log_store import LogStore


class Search:
    """The lines of `store` that have `needle`, whatever its case, and are at least as serious as `minimum`; looked for
    in portions, for there may be many.
    """

    def __init__(self, store: LogStore, needle: str, minimum: int = INFO) -> None:
        self._store, self.needle, self._minimum = store, needle.lower(), minimum
        self._next = store.first
        #: numbers of lines
        self._found: list[int] = []

    def over(self, store: LogStore) -> None:
        """From now on in these lines: the same, or a frozen copy."""
        self._store = store

    def go_on(self, portion: int = 20_000) -> bool:
        """Look through the next lines; False once all have been."""
        store, needle = self._store, self.needle
        start = max(self._next, store.first)
        end = min(start + portion, store.end)
        if needle:
            lines = enumerate(store.texts(start, end), start)
            level, minimum = store.level, self._minimum
            self._found += [n for n, text in lines if needle in text.lower() and level(n) >= minimum]
        self._next = end
        del self._found[: bisect_left(self._found, store.first)]
        return end < store.end

    @property
    def found(self) -> list[int]:
        """The numbers of the lines so far, the oldest first."""
        return self._found

    def after(self, number: int, *, inclusive: bool = False) -> int | None:
        """The next line that has it; after the last comes the first."""
        if not self._found:
            return None
        index = bisect_left(self._found, number) if inclusive else bisect_right(self._found, number)
        return self._found[index % len(self._found)]

    def before(self, number: int) -> int | None:
        """The one before; before the first comes the last."""
        return self._found[bisect_left(self._found, number) - 1] if self._found else None

    def place_of(self, number: int) -> int:
        """The how manyth of them the line is, from 1."""
        return bisect_right(self._found, number)


def spans(text: str, needle: str) -> list[tuple[int, int]]:
    """Where `needle` (in lower case) stands in `text`, in characters."""
    if not needle:
        return []
    lower = text.lower()
    if len(lower) != len(text):
        # A few letters grow when they are made small (İ): place by place then.
        lower = "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)
    found, at = [], lower.find(needle)
    while at >= 0:
        found.append((at, at + len(needle)))
        at = lower.find(needle, at + len(needle))
    return found
