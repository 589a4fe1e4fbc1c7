"""The two networks of the ESRGAN family, as their papers draw them; pictures are (n, channels, h, w) in 0 … 1."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

#: residual scaling of ESRGAN (Wang et al. 2018), section 3.1
_RESIDUAL = 0.2
_SLOPE = 0.2


class Network(Protocol):
    """What enlarges: `scale` is how many times a side grows, `channels` what it takes (1 grey, 3 RGB)."""

    scale: int
    channels: int

    def __call__(self, x: Tensor) -> Tensor: ...

    def to(self, device: torch.device, dtype: torch.dtype) -> Network: ...


def _conv(wide_in: int, wide_out: int) -> nn.Conv2d:
    return nn.Conv2d(wide_in, wide_out, 3, padding=1)


def _leaky(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, _SLOPE, inplace=True)


class Dense(nn.ModuleList):
    """Five convolutions, each of which sees the block's input and all results before it."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__(_conv(width + k * growth, growth if k < 4 else width) for k in range(5))

    def forward(self, x: Tensor) -> Tensor:
        seen = x
        *inner, last = self
        for conv in inner:
            seen = torch.cat([seen, _leaky(conv(seen))], 1)
        out: Tensor = last(seen)
        return out * _RESIDUAL + x


class DenseInDense(nn.ModuleList):
    """Residual in residual: three dense blocks in a row (RRDB)."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__(Dense(width, growth) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for dense in self:
            out = dense(out)
        return out * _RESIDUAL + x


class Esrgan(nn.Module):
    """ESRGAN's generator (Wang et al. 2018); with `shuffle` > 1 the input is folded first, as in Real-ESRGAN (2021)."""

    def __init__(
        self, channels: int, channels_out: int, width: int, growth: int, blocks: int, doublings: int, shuffle: int = 1
    ) -> None:
        super().__init__()
        self.channels, self.shuffle = channels, shuffle
        self.scale = 2**doublings // shuffle
        self.first = _conv(channels * shuffle**2, width)
        self.trunk = nn.ModuleList(DenseInDense(width, growth) for _ in range(blocks))
        self.after = _conv(width, width)
        self.ups = nn.ModuleList(_conv(width, width) for _ in range(doublings))
        self.high = _conv(width, width)
        self.last = _conv(width, channels_out)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        x = self.first(self._folded(x))
        deep = x
        for block in self.trunk:
            deep = block(deep)
        x = x + self.after(deep)
        for up in self.ups:
            x = _leaky(up(functional.interpolate(x, scale_factor=2, mode="nearest")))
        out: Tensor = self.last(_leaky(self.high(x)))
        return out[..., : height * self.scale, : width * self.scale]

    def _folded(self, x: Tensor) -> Tensor:
        """Squares of `shuffle` pixels become channels; the edge is repeated on sides that they do not fill."""
        if self.shuffle == 1:
            return x
        right, below = (-side % self.shuffle for side in (x.shape[-1], x.shape[-2]))
        return functional.pixel_unshuffle(functional.pad(x, (0, right, 0, below), "replicate"), self.shuffle)


class Compact(nn.Module):
    """Real-ESRGAN's small network: plain convolutions on the small picture, its pixels added to the large one."""

    def __init__(self, channels: int, width: int, layers: int, scale: int) -> None:
        super().__init__()
        self.channels, self.scale = channels, scale
        body: list[nn.Module] = []
        for k in range(layers + 1):
            body += [_conv(width if k else channels, width), nn.PReLU(width)]
        self.body = nn.Sequential(*body, _conv(width, channels * scale**2))

    def forward(self, x: Tensor) -> Tensor:
        shuffled = functional.pixel_shuffle(self.body(x), self.scale)
        return shuffled + functional.interpolate(x, scale_factor=self.scale, mode="nearest")
