"""A picture in overlapping tiles, and tiles joined again without a seam."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Tiling:
    """Where tiles begin: every tile is `tile_width` x `tile_height`, neighbours share at least the overlap."""

    width: int
    height: int
    tile_width: int
    tile_height: int
    lefts: tuple[int, ...]
    tops: tuple[int, ...]

    @property
    def boxes(self) -> Iterator[tuple[int, int, int, int]]:
        """(left, top, right, bottom), row by row."""
        for top in self.tops:
            for left in self.lefts:
                yield left, top, left + self.tile_width, top + self.tile_height

    def times(self, scale: int) -> Tiling:
        """The same tiles of a picture `scale` times as large."""
        larger = tuple(scale * side for side in (self.width, self.height, self.tile_width, self.tile_height))
        starts = (tuple(scale * start for start in starts) for starts in (self.lefts, self.tops))
        return Tiling(*larger, *starts)  # type: ignore[arg-type]


def plan_tiles(size: tuple[int, int], tile: tuple[int, int], overlap: int) -> Tiling:
    """Tiles of at most `tile` (width, height), spread evenly over `size`."""
    (width, lefts), (height, tops) = (_starts(*sides, overlap) for sides in zip(size, tile, strict=True))
    return Tiling(*size, width, height, lefts, tops)


def _starts(side: int, tile: int, overlap: int) -> tuple[int, tuple[int, ...]]:
    tile = min(side, tile)
    overlap = min(overlap, tile - 1)
    count = 1 if tile >= side else math.ceil((side - overlap) / (tile - overlap))
    return tile, tuple(k * (side - tile) // max(count - 1, 1) for k in range(count))


class Joiner:
    """Takes tiles row by row and fades each into what is there, so that no more than one row is held in floats."""

    def __init__(self, tiling: Tiling, channels: int, trim: float = 0.0) -> None:
        """`trim`: share of each overlap, at either side, that counts not at all; a network sees no neighbours there."""
        self._tiling, self._trim = tiling, trim
        self.pixels: NDArray[np.uint8] = np.zeros((tiling.height, tiling.width, channels), np.uint8)

    def add_row(self, number: int, tiles: Sequence[Pixels]) -> None:
        """Row `number` from above: tiles (tile_height, tile_width, channels) in 0 … 255."""
        tiling = self._tiling
        row = np.zeros((tiling.tile_height, tiling.width, self.pixels.shape[2]), np.float32)
        end = 0
        for left, tile in zip(tiling.lefts, tiles, strict=True):
            fade = self._fade(max(end - left, 0))[None, :, None]
            shared = fade.shape[1]
            row[:, left:end] += (tile[:, :shared] - row[:, left:end]) * fade
            end = left + tiling.tile_width
            row[:, left + shared : end] = tile[:, shared:]
        self._lay(number, row)

    def _lay(self, number: int, row: Pixels) -> None:
        tops, tall = self._tiling.tops, self._tiling.tile_height
        top = tops[number]
        end = tops[number - 1] + tall if number else 0
        fade = self._fade(max(end - top, 0))[:, None, None]
        shared = len(fade)
        above = self.pixels[top : top + shared].astype(np.float32)
        row[:shared] = above + (row[:shared] - above) * fade
        self.pixels[top : top + tall] = np.clip(row + 0.5, 0, 255).astype(np.uint8)

    def _fade(self, shared: int) -> Pixels:
        """The weight of the new tile over the pixels that it shares: a straight line from 0 to 1 between the trims."""
        if shared == 0:
            return np.zeros(0, np.float32)
        places = (np.arange(shared, dtype=np.float32) + 0.5) / shared
        return np.clip((places - self._trim) / (1 - 2 * self._trim), 0, 1)
