"""A model's weights as pieces: each the weights of one block, in one stretch of memory that is copied as a whole."""

from __future__ import annotations

import math
import mmap
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import torch
from torch import Tensor, nn

from runtime.engine.architecture.residual import Downsample, ResnetBlock, Upsample
from runtime.engine.architecture.text_model import TextLayer
from runtime.engine.architecture.transformer import TransformerBlock
from runtime.engine.architecture.unet import Embedding

_Weight = tuple[nn.Module, str, nn.Parameter]

#: bytes; every weight begins at a multiple, which suits vector loads and copies alike
_ALIGNED = 256
#: what is brought as a whole; what lies outside of these (norms, ways in and out, the words of a text model) stays
_BLOCKS = (ResnetBlock, TransformerBlock, Downsample, Upsample, Embedding, TextLayer)
#: what a U-Net runs first and last, whatever order its constructor has
_FIRST, _LAST = ("time_embedding", "add_embedding", "conv_in"), ("up_blocks", "conv_norm_out", "conv_out")


@dataclass(frozen=True)
class Spot:
    """A weight's place in its piece; `offset` and `size` in bytes."""

    holder: nn.Module
    name: str
    offset: int
    size: int
    dtype: torch.dtype
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def view(self, memory: Tensor) -> Tensor:
        """The weight in the bytes of its piece."""
        flat = memory[self.offset : self.offset + self.size].view(self.dtype)
        return flat.as_strided(self.shape, self.strides)


@dataclass(frozen=True)
class Piece:
    """What is brought together, when `block` is run; `start` and `size` in bytes of the master."""

    number: int
    #: None: what belongs to no block
    block: nn.Module | None
    spots: tuple[Spot, ...]
    start: int
    size: int


class Weights:
    """The master of a model's weights in this computer's memory, and the views through which its layers see them.

    The master is the truth: what lies on a device is a copy that may be dropped at any time. Layers see either.
    """

    def __init__(self, model: nn.Module) -> None:
        self.pieces = tuple(pieces_of(model))
        self.size = sum(piece.size for piece in self.pieces)
        found = _adopted(self.pieces)
        #: bytes
        self.master = torch.empty(self.size, dtype=torch.uint8) if found is None else found
        self._views = {piece.number: views(piece, self.of(piece)) for piece in self.pieces}
        if found is None:
            for piece in self.pieces:
                for spot, view in zip(piece.spots, self._views[piece.number], strict=True):
                    view.copy_(spot.holder.get_parameter(spot.name))
        for piece in self.pieces:
            self.leave(piece)
        #: a weight in the master by its holder and name
        self._spots = {
            (spot.holder, spot.name): view
            for piece in self.pieces
            for spot, view in zip(piece.spots, self._views[piece.number], strict=True)
        }

    def of(self, piece: Piece) -> Tensor:
        """The bytes of a piece in the master."""
        return self.master[piece.start : piece.start + piece.size]

    def leave(self, piece: Piece) -> None:
        """The layers of this piece see the master again."""
        show(piece, self._views[piece.number])

    def write(self, holder: nn.Module, name: str, value: Tensor) -> None:
        """Change a weight, in the master and where its layer sees it."""
        seen, master = holder.get_parameter(name), self._spots[holder, name]
        master.copy_(value)
        if seen.data_ptr() != master.data_ptr() or seen.device != master.device:
            seen.copy_(value)


def allocate(model: nn.Module, folder: Path | None = None) -> None:
    """Give a model on the meta device memory as its pieces want it, in the precision and layout that it has there.

    `folder`: its pages lie in a file there. MemoryError where the disk has no room.
    """
    pieces = tuple(pieces_of(model))
    size = sum(piece.size for piece in pieces)
    memory = torch.empty(size, dtype=torch.uint8) if folder is None else _on_disk(size, folder)
    for piece in pieces:
        show(piece, views(piece, memory[piece.start : piece.start + piece.size]))


def _on_disk(size: int, folder: Path) -> Tensor:
    """Bytes of a mapped file without a name, which nobody else can change; it goes with the last that holds them."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            # a file with holes would end the process when the disk is full
            reserve = getattr(os, "posix_fallocate", None)
            reserve(file.fileno(), 0, size) if reserve else file.truncate(size)
            return torch.frombuffer(mmap.mmap(file.fileno(), size), dtype=torch.uint8)
        except OSError as full:
            raise MemoryError(f"{size >> 20} MiB cannot be had on the disk: {full}") from full


def views(piece: Piece, memory: Tensor) -> tuple[nn.Parameter, ...]:
    """The weights of a piece in these bytes, in the order of its spots."""
    with torch.inference_mode(False):
        return tuple(nn.Parameter(spot.view(memory), requires_grad=False) for spot in piece.spots)


def show(piece: Piece, seen: Sequence[nn.Parameter]) -> None:
    """Let the layers of a piece see these; an exchange of references, nothing is copied."""
    for spot, parameter in zip(piece.spots, seen, strict=True):
        spot.holder._parameters[spot.name] = parameter  # noqa: SLF001 - its setter costs a millisecond per step


def pieces_of(model: nn.Module) -> Iterator[Piece]:
    """The pieces in the order in which the model runs them; before them, as number 0, what belongs to no block."""
    blocks = list(_blocks(model))
    inside = {holder for block in blocks for holder in block.modules()}
    groups: list[tuple[nn.Module | None, list[_Weight]]]
    groups = [(None, [one for one in _weights_in(model) if one[0] not in inside])]
    groups += [(block, list(_weights_in(block))) for block in blocks]
    start = 0
    for number, (block, weights) in enumerate(groups):
        spots, size = _spots(weights)
        yield Piece(number, block, spots, start, size)
        start += size


def piece_sizes(model: nn.Module, dtype: torch.dtype) -> tuple[int, ...]:
    """Bytes of each piece in this precision, the one that always stays first; `model` may be on the meta device."""
    pieces = pieces_of(model)
    return tuple(sum(math.prod(spot.shape) * bytes_each(spot.dtype, dtype) for spot in piece.spots) for piece in pieces)


def bytes_each(kept: torch.dtype, dtype: torch.dtype) -> int:
    """Of a number in this precision; one that is kept in eight bits is not widened before it is used."""
    return 1 if kept.itemsize == 1 else dtype.itemsize


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    """In the order in which they run."""
    if isinstance(module, _BLOCKS):
        yield module
        return
    for child in _sorted(dict(module.named_children())):
        yield from _blocks(child)


def _sorted(children: dict[str, nn.Module]) -> Iterator[nn.Module]:
    """A ResNet block and the attention after it take turns; `mid_block` runs between down and up."""
    names = list(children)
    if "resnets" in children and "attentions" in children:
        for pair in zip_longest(children["resnets"].children(), children["attentions"].children()):
            yield from (one for one in pair if one is not None)
        names = [name for name in names if name not in ("resnets", "attentions")]
    first = [name for name in _FIRST if name in names]
    last = [name for name in _LAST if name in names]
    yield from (children[name] for name in (*first, *(one for one in names if one not in first + last), *last))


def _weights_in(module: nn.Module) -> Iterator[_Weight]:
    for holder in module.modules():
        yield from ((holder, name, one) for name, one in holder.named_parameters(recurse=False))


def _spots(weights: Sequence[_Weight]) -> tuple[tuple[Spot, ...], int]:
    """The places of weights one behind the other, each in the layout that it has, and their bytes in all."""
    found: list[Spot] = []
    offset = 0
    for holder, name, one in weights:
        strides = one.stride() if one.is_contiguous(memory_format=torch.channels_last) else _packed(one.shape)
        found.append(Spot(holder, name, offset, one.nbytes, one.dtype, tuple(one.shape), strides))
        offset += -(-one.nbytes // _ALIGNED) * _ALIGNED
    return tuple(found), offset


def _packed(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _adopted(pieces: Sequence[Piece]) -> Tensor | None:
    """The memory in which all weights lie already as the pieces want them; None where they lie elsewhere."""
    first = pieces[0].spots[0].holder.get_parameter(pieces[0].spots[0].name)
    storage = first.untyped_storage()
    for piece in pieces:
        for spot in piece.spots:
            one = spot.holder.get_parameter(spot.name)
            at = one.storage_offset() * one.element_size()
            if one.untyped_storage().data_ptr() != storage.data_ptr() or at != piece.start + spot.offset:
                return None
    size = sum(piece.size for piece in pieces)
    return torch.empty(0, dtype=torch.uint8).set_(storage, 0, (size,), (1,)) if storage.nbytes() >= size else None
