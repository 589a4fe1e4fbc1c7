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
#: numbers that a block of tiles takes when it is mapped: 8 MiB, but no fewer tiles than pay for the kernel
_SCRATCH, _FEWEST = 2 << 20, 128
#: numbers of a kernel that are made at once: 24 MiB, but no fewer channels of the output
_KERNEL, _CHANNELS = 6 << 20, 128
_own = threading.local()


def convolve(padded: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A 3 x 3 convolution of `padded` (n, in, height + 2, width + 2), float32, channels-last.

    Height and width are multiples of 4. Returns (n, out, height, width), channels-last. The kernel has four times as
    many numbers as `weight` (out, in, 3, 3), so it is made anew for each block, a part at a time, and not kept.
    """
    count, into = padded.shape[:2]
    height, width, out = padded.shape[2] - 2, padded.shape[3] - 2, len(weight)
    made = torch.empty(count, height, width, out)
    rows, columns = height // _OUT, width // _OUT
    y, x, image = padded.stride(2), padded.stride(3), padded.stride(0)
    tiles = padded.as_strided((_IN, _IN, count, rows, columns, into), (y, x, image, _OUT * y, _OUT * x, 1))
    places = made.view(count, rows, _OUT, columns, _OUT, out).permute(2, 4, 0, 1, 3, 5)
    # as channels-last weights lie in memory
    weight = weight.permute(0, 2, 3, 1).reshape(out, 9, into)
    deep = _rows_of_tiles(columns, into, out)
    for first in range(0, count, max(1, deep // rows)):
        images = slice(first, first + max(1, deep // rows))
        for top in range(0, rows, deep):
            part = slice(top, top + deep)
            _block(tiles[:, :, images, part], weight, bias, places[:, :, images, part])
    return made.permute(0, 3, 1, 2)


def _rows_of_tiles(columns: int, into: int, out: int) -> int:
    return max(_SCRATCH // (36 * columns * max(into, out)), -(-_FEWEST // columns), 1)


def _channels(into: int, out: int) -> int:
    """Of the output, whose kernel is made at once: parts of about the same size."""
    parts = -(-out // max(_KERNEL // (36 * into), _CHANNELS))
    return -(-out // parts)


def _block(tiles: Tensor, weight: Tensor, bias: Tensor | None, places: Tensor) -> None:
    out, _, into = weight.shape
    count = tiles.shape[2:5].numel()
    step = _channels(into, out)
    one, other, kernels = _scratch(36 * count * max(into, out), 36 * into * step)
    torch.mm(
        _B2, one[: 36 * count * into].view(tiles.shape).copy_(tiles).view(36, -1), out=_as(other, 36, count * into)
    )
    mapped, products = _as(other, 36, count, into), _as(one, 36, count, out)
    for first in range(0, out, step):
        part = weight[first : first + step]
        kernel = torch.bmm(_G2.expand(len(part), 36, 9), part, out=_as(kernels, len(part), 36, into))
        torch.bmm(mapped, kernel.permute(1, 2, 0), out=products[:, :, first : first + step])
    torch.mm(_A2, products.view(36, -1), out=_as(other, 16, count * out))
    found = other[: 16 * count * out].view(places.shape)
    if bias is None:
        places.copy_(found)
    else:
        torch.add(found, bias, out=places)


def _as(flat: Tensor, *shape: int) -> Tensor:
    return flat[: torch.Size(shape).numel()].view(shape)


def scratch_bytes(columns: int, rows: int, weight: Tensor) -> tuple[int, int]:
    """Of the two scratch areas together and of the kernels', for maps with this many columns and rows in all."""
    out, into = weight.shape[:2]
    deep = min(_rows_of_tiles(columns // _OUT, into, out), rows // _OUT)
    number = 36 * weight.itemsize
    return number * 2 * deep * (columns // _OUT) * max(into, out), number * into * _channels(into, out)


def _scratch(size: int, kernel: int) -> tuple[Tensor, Tensor, Tensor]:
    """Two areas of `size` numbers and one of `kernel`, this thread's own, which stay allocated."""
    held: tuple[Tensor, Tensor, Tensor] | None = getattr(_own, "areas", None)
    if held is None or held[0].numel() < size or held[2].numel() < kernel:
        if held is not None:
            size, kernel = max(size, held[0].numel()), max(kernel, held[2].numel())
        # the smaller ones go before the larger ones come
        held = _own.areas = None
        # whoever comes next may not be in inference mode, and could not write to tensors that were made in it
        with torch.inference_mode(False):
            held = _own.areas = (torch.empty(size), torch.empty(size), torch.empty(kernel))
    return held
