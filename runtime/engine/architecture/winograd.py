"""Convolutions of 3 x 3 with a quarter of the multiplications, on processors in float32.

Winograd's F(4 x 4, 3 x 3) as Lavin and Gray have it (2015, "Fast Algorithms for Convolutional Neural Networks"): tiles
of 6 x 6 inputs are mapped by B, multiplied channel by channel in 36 products of matrices, and mapped by A to 4 x 4
outputs. All of it is products of matrices, so it runs as fast as the processor multiplies them; what is written on the
way stays small enough for the caches. Rounding errs by about 1e-5 of the largest value.
"""

from __future__ import annotations

import threading

import torch
from torch import Tensor

#: outputs of a tile per side, and inputs
_OUT, _IN = 4, 6
_B = torch.tensor(
    [
        [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1],
    ],
    dtype=torch.float32,
)  # fmt: skip
_G = torch.tensor(
    [
        [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1],
    ],
    dtype=torch.float64,
)  # fmt: skip
_A = torch.tensor(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], dtype=torch.float32
)
_B2, _A2 = torch.kron(_B, _B), torch.kron(_A, _A)
_G2 = torch.kron(_G, _G).float()
#: numbers in each of the two scratch areas, which stay allocated: 8 MiB
_SCRATCH = 2 << 20
_own = threading.local()


def kernel(weight: Tensor) -> Tensor:
    """(36, in, out) of a convolution's (out, in, 3, 3): four times as many numbers; fastest if it is channels-last."""
    out, into = weight.shape[:2]
    # in the order in which the numbers of channels-last weights lie
    flat = weight.float().permute(2, 3, 0, 1).reshape(9, -1)
    return (_G2 @ flat).view(36, out, into).transpose(1, 2)


def convolve(padded: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """A 3 x 3 convolution of `padded` (n, in, height + 2, width + 2), float32, channels-last.

    Height and width are multiples of 4. Returns (n, out, height, width), channels-last.
    """
    count, into = padded.shape[:2]
    height, width, out = padded.shape[2] - 2, padded.shape[3] - 2, kernel.shape[2]
    made = torch.empty(count, height, width, out)
    rows, columns = height // _OUT, width // _OUT
    y, x, image = padded.stride(2), padded.stride(3), padded.stride(0)
    tiles = padded.as_strided((_IN, _IN, count, rows, columns, into), (y, x, image, _OUT * y, _OUT * x, 1))
    places = made.view(count, rows, _OUT, columns, _OUT, out).permute(2, 4, 0, 1, 3, 5)
    deep = max(1, _SCRATCH // (36 * columns * max(into, out)))
    for first in range(0, count, max(1, deep // rows)):
        images = slice(first, first + max(1, deep // rows))
        for top in range(0, rows, deep):
            part = slice(top, top + deep)
            _block(tiles[:, :, images, part], kernel, bias, places[:, :, images, part])
    return made.permute(0, 3, 1, 2)


def _block(tiles: Tensor, kernel: Tensor, bias: Tensor | None, places: Tensor) -> None:
    into, out = kernel.shape[1:]
    count = tiles.shape[2:5].numel()
    one, other = _scratch(36 * count * max(into, out))
    torch.mm(
        _B2, one[: 36 * count * into].view(tiles.shape).copy_(tiles).view(36, -1), out=_as(other, 36, count * into)
    )
    torch.bmm(_as(other, 36, count, into), kernel, out=_as(one, 36, count, out))
    torch.mm(_A2, _as(one, 36, count * out), out=_as(other, 16, count * out))
    found = other[: 16 * count * out].view(places.shape)
    if bias is None:
        places.copy_(found)
    else:
        torch.add(found, bias, out=places)


def _as(flat: Tensor, *shape: int) -> Tensor:
    return flat[: torch.Size(shape).numel()].view(shape)


def kernel_bytes(weight: Tensor) -> int:
    """What `kernel` takes at most: what it gives, and the weights in another order."""
    return 5 * weight.nbytes


def scratch_bytes(columns: int, weight: Tensor) -> int:
    """Of both scratch areas for a map this wide; at least one row of tiles goes into each."""
    return 2 * weight.itemsize * max(_SCRATCH, 36 * (columns // _OUT) * max(weight.shape[:2]))


def _scratch(size: int) -> tuple[Tensor, Tensor]:
    """Two areas, this thread's own."""
    held: tuple[Tensor, Tensor] | None = getattr(_own, "areas", None)
    if held is None or held[0].numel() < size:
        size = max(size, _SCRATCH)
        # whoever comes next may not be in inference mode, and could not write to tensors that were made in it
        with torch.inference_mode(False):
            held = _own.areas = (torch.empty(size), torch.empty(size))
    return held
