"""Maps as strips: held, or made anew whenever they are read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.engine.strips.convolving import convolved, edges
from runtime.engine.strips.seen import Seen


class Held:
    """A map as strips from top to bottom; those that are done with go, and `above` is the last row of them."""

    def __init__(self, strips: Iterable[Tensor]) -> None:
        self.seen = Seen()
        self.above: Tensor | None = None
        self._parts = deque(map(self.seen.note, strips))
        _one, channels, _rows, width = self._parts[0].shape
        #: of the whole map: channels, height, width
        self.shape = channels, sum(part.shape[2] for part in self._parts), width

    def __len__(self) -> int:
        return len(self._parts)

    @property
    def held(self) -> int:
        """Numbers that lie in memory."""
        return sum(part.numel() for part in self._parts)

    def cut(self, rows: int) -> None:
        """No strip is higher than `rows`."""
        self._parts = deque(piece for part in self._parts for piece in torch.split(part, rows, dim=2))

    def passing(self, gone: int) -> Iterator[Tensor]:
        """All strips that are left; the first `gone` go when they have passed."""
        for _ in range(gone):
            self.above = self._parts[0][:, :, -1:].clone()
            yield self._parts.popleft()
        yield from tuple(self._parts)

    def whole(self) -> Tensor:
        """The strips as one map; they go."""
        made = torch.cat(tuple(self._parts), dim=2)
        self._parts.clear()
        return made


class Doubled:
    """A map that is too large to be held: what an `Upsample` makes of a held one, anew in each pass."""

    def __init__(self, low: Held, conv: nn.Conv2d) -> None:
        self._low, self._conv = low, conv
        channels, height, width = low.shape
        self.shape = channels, 2 * height, 2 * width
        self.above: Tensor | None = None
        self.seen = Seen()
        for strip in self.passing(0):
            self.seen.note(strip)

    def __len__(self) -> int:
        return len(self._low)

    @property
    def held(self) -> int:
        return self._low.held

    def passing(self, gone: int) -> Iterator[Tensor]:
        for number, strip in enumerate(doubled(self._low, self._conv, gone), 1):
            if number == gone:
                self.above = strip[:, :, -1:].clone()
            yield strip


def doubled(low: Held, conv: nn.Conv2d, gone: int) -> Iterator[Tensor]:
    """What an `Upsample` makes of what is left of `low`; its first `gone` strips go."""
    above, below = (None if row is None else _twice(row)[:, :, :1] for row in edges(low, conv))
    return convolved(conv, map(_twice, low.passing(gone)), above, below)


def _twice(strip: Tensor) -> Tensor:
    return functional.interpolate(strip, scale_factor=2, mode="nearest")


Source = Held | Doubled
