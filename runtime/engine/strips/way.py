"""The way through all layers, and what is held on it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from runtime.engine.architecture.autoencoder import Autoencoder, CellAttention, moments
from runtime.engine.architecture.residual import Downsample, ResnetBlock, Upsample
from runtime.engine.strips.convolving import convolved, edges, halved, merged, normed
from runtime.engine.strips.maps import Doubled, Held, Source, doubled
from runtime.engine.strips.seen import Seen


@dataclass(frozen=True)
class Strips:
    """How much lies in memory at once."""

    #: height of a strip in latents
    rows: int = 1
    #: what is held between two passes, in maps of the finest level; at least 1 is
    room: float = 1.0


def decode(vae: Autoencoder, latents: Tensor, strips: Strips) -> Tensor:
    """`vae.decode` of (1, 4, h, w): (1, 3, 8h, 8w)."""
    layers = vae.decoding()
    scale = 2 ** sum(isinstance(layer, Upsample) for layer in layers)
    height, width = latents.shape[2] * scale, latents.shape[3] * scale
    finest = layers[-1].in_channels
    return _Way(strips, scale, height, width, finest).run(layers, latents)  # type: ignore[arg-type]


def encode(vae: Autoencoder, picture: Tensor, strips: Strips) -> tuple[Tensor, Tensor]:
    """`vae.encode` of (1, 3, 8h, 8w): mean and standard deviation, each (1, 4, h, w)."""
    layers = vae.encoding()
    scale = 2 ** sum(isinstance(layer, Downsample) for layer in layers)
    finest = layers[0].out_channels
    way = _Way(strips, scale, picture.shape[2], picture.shape[3], finest)  # type: ignore[arg-type]
    return moments(way.run(layers, picture))


def plain(conv: nn.Conv2d, norm: nn.GroupNorm | None, source: Source) -> Iterator[Tensor]:
    """A convolution by itself, after norm and SiLU where there is one."""
    strips = source.passing(len(source))
    if conv.kernel_size == (1, 1):
        return map(conv, strips)
    return convolved(conv, strips, *edges(source, conv)) if norm is None else normed(norm, conv, source, strips)


def pairs(block: Any, source: Source, gone: int) -> Iterator[tuple[Tensor, Tensor]]:
    """For each strip that is left: what goes past the block, and what the block's first convolution makes."""
    past: deque[Tensor] = deque()
    made = normed(block.norm1, block.conv1, source, _noted(source.passing(gone), past))
    around = block.conv_shortcut or nn.Identity()
    return ((around(past.popleft()), strip) for strip in made)


def _noted(strips: Iterator[Tensor], into: deque[Tensor]) -> Iterator[Tensor]:
    for strip in strips:
        into.append(strip)
        yield strip


def seconds(pairs: Iterator[tuple[Tensor, Tensor]], past: deque[Tensor]) -> Iterator[Tensor]:
    """The second of each pair; the first goes into `past`."""
    for around, strip in pairs:
        past.append(around)
        yield strip


def drained(kept: deque[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    while kept:
        yield kept.popleft()


class Inner:
    """What is known of the map inside a block, which is not held."""

    above: Tensor | None = None

    def __init__(self) -> None:
        self.seen = Seen()


@dataclass(frozen=True)
class _Way:
    """From one end of the autoencoder to the other."""

    strips: Strips
    #: pixels to a latent
    scale: int
    height: int
    width: int
    #: channels of the finest level
    finest: int

    @property
    def room(self) -> float:
        """In numbers."""
        return self.strips.room * self.height * self.width * self.finest

    def rows(self, width: int, channels: int) -> int:
        """How high a strip of such a map is: as many numbers at every level, but never lower than at the finest."""
        least = self.strips.rows * self.scale
        return max(1, 2 * self.width * self.finest // (width * channels)) * least

    def run(self, layers: list[nn.Module], x: Tensor) -> Tensor:
        """All layers; `x` (1, channels, height, width)."""
        source: Any = Held(torch.split(x, self.rows(x.shape[3], self.finest), dim=2))
        norm: nn.GroupNorm | None = None
        for layer in layers:
            if isinstance(layer, nn.GroupNorm):
                norm = layer
            elif isinstance(layer, nn.Conv2d):
                source, norm = Held(plain(layer, norm, source)), None
            elif not isinstance(layer, nn.SiLU):
                source = self._step(layer, source)
        made: Tensor = source.whole()
        return made

    def _step(self, layer: nn.Module, source: Any) -> Source:
        if isinstance(layer, ResnetBlock):
            return self._block(layer, source)
        if isinstance(layer, Upsample):
            return self._larger(layer.conv, source)
        if isinstance(layer, Downsample):
            channels, _height, width = source.shape
            strips = halved(layer.conv, source.passing(len(source)))
            return Held(merged(strips, self.rows(width // 2, channels)))
        if isinstance(layer, CellAttention):
            channels, _height, width = source.shape
            return Held(torch.split(layer(source.whole()), self.rows(width, channels), dim=2))
        raise TypeError(type(layer).__name__)

    def _larger(self, conv: nn.Conv2d, low: Held) -> Source:
        channels, height, width = low.shape
        low.cut(self.rows(2 * width, channels) // 2)
        if 4 * channels * height * width > self.room:
            return Doubled(low, conv)
        return Held(doubled(low, conv, len(low)))

    def _block(self, block: Any, source: Source) -> Held:
        """Two passes; the pairs of the first strips are held in between."""
        inner, kept, past = Inner(), deque[tuple[Tensor, Tensor]](), deque[Tensor]()
        keep = self._kept(block, source)
        for number, pair in enumerate(pairs(block, source, keep)):
            inner.seen.note(pair[1])
            if number < keep:
                kept.append(pair)
        del pair
        rest = pairs(block, source, len(source)) if len(source) else iter(())
        strips = seconds(chain(drained(kept), rest), past)
        made = normed(block.norm2, block.conv2, inner, strips)
        return Held(strip.add_(past.popleft()) for strip in made)

    def _kept(self, block: Any, source: Source) -> int:
        """How many strips' pairs there is room for beside what is left of the source."""
        _channels, height, width = source.shape
        made: int = block.conv1.out_channels * height * width
        growth = made if block.conv_shortcut is None else 2 * made - source.held
        if source.held + growth <= self.room:
            return len(source)
        return math.floor(len(source) * max(0.0, self.room - source.held) / growth)
