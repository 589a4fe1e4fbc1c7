"""Files of `torch.save` (.pt, .pth, .ckpt, .bin): tensors by the records that a process of its own made of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from runtime.engine.pickles.reader import Reader, Records, read_records
from runtime.engine.pickles.sketches import Sketch


def read_pickled(path: Path, kind: str = "file", reader: Reader | None = None) -> dict[Any, Any]:
    """The file's dictionary: tensors, plain values, and inert records for everything else.

    RequestError codes: `KIND-unreadable`, `-truncated`, `-damaged`, `-not-a-model`.
    """
    records = read_records(path, kind, reader)
    return records.build(lambda sketch: tensor_of(records, sketch))


def tensor_of(records: Records, sketch: Sketch) -> Tensor:
    """Its numbers, read into memory of its own."""
    dtype = getattr(torch, sketch.type.name)
    if math.prod(sketch.shape) == 0:
        return torch.empty(sketch.shape, dtype=dtype)
    last = sum((side - 1) * stride for side, stride in zip(sketch.shape, sketch.strides, strict=True))
    raw = torch.empty((last + 1) * sketch.type.bytes, dtype=torch.uint8)
    _fill(raw, records, sketch.start)
    return raw.view(dtype).as_strided(sketch.shape, sketch.strides).contiguous()


def _fill(raw: Tensor, records: Records, start: int) -> None:
    room, got = raw.numpy().data, 0
    with records.file() as file:
        file.seek(start)
        while got < len(room):
            count = file.readinto(room[got:])  # type: ignore[attr-defined]
            if not count:
                raise OSError("it ends too early")
            got += count
