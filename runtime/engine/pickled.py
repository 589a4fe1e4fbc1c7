"""Files of `torch.save` (.pt, .pth, .ckpt, .bin), read by a table of what may be there; nothing is executed."""

from __future__ import annotations

from mmap import mmap
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from runtime.engine.sketches import Sketch
from runtime.engine.torch_file import read_torch_file


def read_pickled(path: Path, kind: str = "file", mapped: bool = False) -> dict[Any, Any]:
    """The file's dictionary: tensors, plain values, and inert records for everything else.

    `mapped` leaves tensors in the file until they are used: for readers that copy what they take. RequestError codes:
    `KIND-unreadable`, `-truncated`, `-damaged`, `-not-a-model`.
    """

    def make(sketch: Sketch, file: mmap) -> Tensor:
        tensor = _tensor(sketch, file)
        # the file may change or vanish under a mapping, which would end the process
        return tensor if mapped else tensor.clone()

    return read_torch_file(path, kind, make)


def _tensor(sketch: Sketch, file: mmap) -> Tensor:
    """A view into the mapped file, or a copy of its bytes where they lie unevenly for their type."""
    dtype = getattr(torch, sketch.type.name)
    size = sketch.storage.count * sketch.storage.type.bytes // sketch.type.bytes * sketch.type.bytes
    if size == 0 or 0 in sketch.shape:
        return torch.empty(sketch.shape, dtype=dtype)
    raw = torch.frombuffer(file, dtype=torch.uint8, count=size, offset=sketch.storage.start)
    if raw.data_ptr() % sketch.type.bytes:
        raw = raw.clone()
    return raw.view(dtype).as_strided(sketch.shape, sketch.strides, sketch.offset)
