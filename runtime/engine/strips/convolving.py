"""Layers that see strips: each takes an iterator of them and gives one, from top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.engine.architecture import winograd
from runtime.engine.strips.seen import Seen


class Known(Protocol):
    """What has to be known of a map before its strips are read."""

    #: the row above the first strip that is left; None where that is the map's first
    above: Tensor | None
    seen: Seen


def edges(source: Known, conv: nn.Conv2d) -> tuple[Tensor | None, Tensor | None]:
    """The rows above and below what is left of a map, as this convolution sees them; None is zeros."""
    if conv.padding_mode != "circular":
        return source.above, None
    return source.seen.last if source.above is None else source.above, source.seen.first


def convolved(
    conv: nn.Conv2d, strips: Iterator[Tensor], above: Tensor | None, below: Tensor | None
) -> Iterator[Tensor]:
    """What a 3 x 3 convolution makes of a map: for each strip one of the same height."""
    compute, circular = _computing(conv), conv.padding_mode == "circular"
    strip = next(strips, None)
    while strip is not None:
        following = next(strips, None)
        padded = [_padded(strip, above, below if following is None else following[:, :, :1], circular)]
        above, strip = strip[:, :, -1:].clone(), following
        yield compute(padded.pop())


def _computing(conv: nn.Conv2d) -> Callable[[Tensor], Tensor]:
    """The convolution of a padded strip; on a processor by Winograd's way where the strip is made of whole tiles."""
    weight, bias = conv.weight, conv.bias
    quick = weight.device.type == "cpu" and weight.dtype == torch.float32

    def compute(padded: Tensor) -> Tensor:
        if not quick or (padded.shape[2] - 2) % 4 or (padded.shape[3] - 2) % 4:
            return functional.conv2d(padded, weight, bias)
        return winograd.convolve(padded, weight, bias)

    return compute


def _padded(strip: Tensor, above: Tensor | None, below: Tensor | None, circular: bool) -> Tensor:
    """One more row or column on every side: the neighbours' rows; zeros at an edge, or what is at the other."""
    _one, channels, height, width = strip.shape
    made = torch.empty(1, height + 2, width + 2, channels, dtype=strip.dtype, device=strip.device).permute(0, 3, 1, 2)
    for rows, place in ((above, slice(0, 1)), (strip, slice(1, -1)), (below, slice(-1, None))):
        if rows is None:
            made[:, :, place] = 0
        else:
            made[:, :, place, 1:-1] = rows
    made[:, :, :, 0] = made[:, :, :, -2] if circular else 0
    made[:, :, :, -1] = made[:, :, :, 1] if circular else 0
    return made


def _activating(norm: nn.GroupNorm, seen: Seen) -> Callable[[Tensor], Tensor]:
    """SiLU of the normed strip, with the statistics of the whole map."""
    mean, variance = seen.statistics(norm.num_groups)
    weight, bias = norm.weight.float(), norm.bias.float()

    def activate(strip: Tensor) -> Tensor:
        normed = functional.batch_norm(strip, mean, variance, weight, bias, False, 0.0, norm.eps)
        return functional.silu(normed, inplace=True)

    return activate


def normed(norm: nn.GroupNorm, conv: nn.Conv2d, source: Known, strips: Iterator[Tensor]) -> Iterator[Tensor]:
    """Norm, SiLU and convolution of `strips`, which are what is left of `source`."""
    activate = _activating(norm, source.seen)
    above, below = (None if row is None else activate(row) for row in edges(source, conv))
    return convolved(conv, map(activate, strips), above, below)


def halved(conv: nn.Conv2d, strips: Iterator[Tensor]) -> Iterator[Tensor]:
    """Half the size; beyond the right and lower edge are zeros."""
    strip = next(strips, None)
    while strip is not None:
        following = next(strips, None)
        below = torch.zeros_like(strip[:, :, :1]) if following is None else following[:, :, :1]
        yield conv(functional.pad(torch.cat([strip, below], dim=2), (0, 1)))
        strip = following


def merged(strips: Iterator[Tensor], rows: int) -> Iterator[Tensor]:
    """Strips of at least `rows`, but for the last."""
    waiting: list[Tensor] = []
    for strip in strips:
        waiting.append(strip)
        if sum(one.shape[2] for one in waiting) >= rows:
            yield torch.cat(waiting, dim=2)
            waiting.clear()
    if waiting:
        yield torch.cat(waiting, dim=2)
