"""3 x 3 convolutions that take the quickest way on a processor in float32."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.engine.architecture import winograd

#: cells of a batch: from here on Winograd's way pays for the kernel that it makes each time; fewer are so few that one
#: product of matrices is quicker than torch's own way, which puts the weights in order first
_MANY = 512
#: narrower ones are left to torch
_NARROW = 32


class Convolution(nn.Conv2d):
    """3 x 3 at stride 1, the size kept. `quick`: set where the weights lie on a processor, channels-last."""

    quick = False

    def __init__(self, width: int, out_width: int) -> None:
        super().__init__(width, out_width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (batch, width, height, width)."""
        batch, width, rows, columns = x.shape
        if not self.quick or x.dtype != torch.float32 or min(width, self.out_channels) < _NARROW:
            return super().forward(x)
        if batch * rows * columns < _MANY:
            return _as_one_product(self._padded(x), self.weight, self.bias)
        if _in_tiles(batch, rows, columns):
            return winograd.convolve(self._padded(x), self.weight, self.bias)
        return super().forward(x)

    def _padded(self, x: Tensor) -> Tensor:
        """Channels-last, with what is beyond the edges."""
        if self.padding_mode == "circular":
            x = functional.pad(x, (1, 1, 1, 1), mode="circular")
        else:
            x = functional.pad(x, (1, 1, 1, 1))
        return x.contiguous(memory_format=torch.channels_last)


def _in_tiles(batch: int, rows: int, columns: int) -> bool:
    return batch * rows * columns >= _MANY and rows % 4 == 0 and columns % 4 == 0


def workspace(x: Tensor, weight: Tensor, padded: bool = False) -> tuple[int, ...]:
    """Bytes that a quick convolution of `x` takes beside its result, and of each area that stays; by shapes alone.

    `padded`: `x` is a strip that comes with its neighbours' cells.
    """
    batch, width, rows, columns = x.shape
    if padded:
        rows, columns = rows - 2, columns - 2
    if x.dtype != torch.float32 or (min(weight.shape[:2]) < _NARROW and not padded):
        return (weight.nbytes,)
    copy = 0 if padded else batch * width * (rows + 2) * (columns + 2) * x.itemsize
    if not padded and batch * rows * columns < _MANY:
        return (copy + 9 * x.nbytes,)
    if rows % 4 or columns % 4:
        # oneDNN's copy of the weights, in an order of its own
        return (weight.nbytes,)
    return copy, *winograd.scratch_bytes(columns, batch * rows, weight)


def _as_one_product(padded: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Every cell with its neighbours in one row, times the weights."""
    batch, width, height, columns = padded.shape
    image, _, y, x = padded.stride()
    size = (batch, height - 2, columns - 2)
    seen = padded.as_strided((*size, 3, 3, width), (image, y, x, y, x, 1)).reshape(-1, 9 * width)
    made = functional.linear(seen, weight.permute(0, 2, 3, 1).reshape(len(weight), -1), bias)
    return made.view(*size, -1).permute(0, 3, 1, 2)
