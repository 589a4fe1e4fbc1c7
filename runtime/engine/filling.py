"""Models filled from their files: in the order of the files' bytes, by several threads, every byte read and converted
once, into the very place where it stays.

Files are read and not mapped: where a mapped file is cut or written over, the process that looks at it is ended, or
sees other numbers than it was told.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import local
from typing import BinaryIO

import torch
from torch import Tensor, nn

from runtime.engine.architecture import TextModel
from runtime.engine.pickles.sketches import TYPES
from runtime.engine.pieces import Part, Piece
from runtime.engine.tensors import Opened, open_tensors
from runtime.engine.weights import allocate
from runtime.request import RequestError

#: parts of a training run that drawing does not need
IGNORED = ("position_ids", "logit_scale", "attn_mask")
#: bytes that are read at a time
_CHUNK = 16 << 20
_MOST_THREADS = 4
_DTYPES = {name: getattr(torch, torch_name) for torch_name, (name, _bytes) in TYPES.items()}


@dataclass(frozen=True)
class Blueprint:
    """A model on the meta device, where its weights are, and what they are to be."""

    model: nn.Module
    part: Part
    dtype: torch.dtype
    channels_last: bool = False


def fill(path: Path, blueprints: Sequence[Blueprint], kind: str = "checkpoint", folder: Path | None = None) -> None:
    """Give the models their weights, of the file `path` or the files that their pieces name, in evaluation mode.

    `folder`: their memory is a file there, for computers whose own is too small.
    RequestError, its code beginning with `kind`, says what is wrong with a file.
    """
    for one in blueprints:
        one.model.to(one.dtype)
        if one.channels_last:
            one.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        one.model.eval()
    for model in _kept_together(blueprints):
        allocate(model, folder)
    with ExitStack() as stack:
        threads = _Threads(stack)
        files: dict[Path, Opened] = {}
        jobs = []
        for piece, target in _wanted(blueprints):
            file = piece.file or path
            if file not in files:
                files[file] = stack.enter_context(open_tensors(file, kind))
            jobs.append(_job(threads, file, files[file], piece, target, kind))
        threads.run([job for _, chunks in sorted(jobs, key=lambda one: one[0]) for job in chunks])


def _kept_together(blueprints: Sequence[Blueprint]) -> Iterator[nn.Module]:
    """The text models as one, as which the store holds and brings them: so it need not copy them."""
    texts = [one.model for one in blueprints if isinstance(one.model, TextModel)]
    yield from (one.model for one in blueprints if one.model not in texts)
    if texts:
        yield nn.ModuleList(texts)


def _wanted(blueprints: Sequence[Blueprint]) -> Iterator[tuple[Piece, Tensor]]:
    for one in blueprints:
        weights = dict(one.model.named_parameters())
        yield from ((piece, weights[name]) for name, piece in one.part.pieces.items() if not name.endswith(IGNORED))


_Jobs = tuple[tuple[str, int], list[Callable[[], None]]]


def _job(threads: _Threads, path: Path, opened: Opened, piece: Piece, target: Tensor, kind: str) -> _Jobs:
    """(where it begins, what is to be done) for one weight."""
    dtype = _DTYPES.get(opened.header.tensors[piece.name][0])
    span = opened.header.spans.get(piece.name)
    if span is None or dtype is None or dtype.is_complex:
        return (str(path), 0), [lambda: _copy(target, _cut(piece, opened.get(piece.name)))]
    start, end = span
    if piece.cut in ("q", "k", "v"):
        third = (end - start) // 3
        start += "qkv".index(piece.cut) * third
        end = start + third
    place = _Place(path, start, dtype, kind)
    if piece.cut == "turned":
        return (str(path), start), [partial(threads.read, place, target.t())]
    rows = target.reshape(1) if target.ndim == 0 else target
    width = (end - start) // max(1, len(rows))
    count = max(1, _CHUNK // max(1, width))
    return (str(path), start), [
        partial(threads.read, place.after(first * width), rows[first : first + count])
        for first in range(0, len(rows), count)
    ]


def _copy(target: Tensor, source: Tensor) -> None:
    target.copy_(source)


def _cut(piece: Piece, tensor: Tensor) -> Tensor:
    if piece.cut == "flat":
        return tensor[:, :, 0, 0]
    if piece.cut == "turned":
        return tensor.t()
    return tensor.chunk(3)["qkv".index(piece.cut)] if piece.cut else tensor


@dataclass(frozen=True)
class _Place:
    """Numbers in a file, one behind the other."""

    path: Path
    start: int
    dtype: torch.dtype
    kind: str

    def after(self, size: int) -> _Place:
        return replace(self, start=self.start + size)


class _Threads:
    """Each with files and a scratch of its own, so that none waits for another."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack, self._own = stack, local()
        self._count = min(_MOST_THREADS, max(2, os.cpu_count() or 2))

    def run(self, jobs: Sequence[Callable[[], None]]) -> None:
        """All of them, begun in this order; the first failure ends it."""
        with ThreadPoolExecutor(self._count, "reader") as pool:
            waiting = [pool.submit(job) for job in jobs]
            try:
                for one in waiting:
                    one.result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def read(self, place: _Place, target: Tensor) -> None:
        """Into a weight, or rows of it."""
        size = target.numel() * place.dtype.itemsize
        if size == 0:
            return
        if target.dtype == place.dtype and target.is_contiguous():
            self._read(place, target.detach().reshape(-1).view(torch.uint8))
            return
        scratch = self._scratch(size)
        self._read(place, scratch)
        target.copy_(scratch.view(place.dtype).view(target.shape))

    def _scratch(self, size: int) -> Tensor:
        found: Tensor | None = getattr(self._own, "scratch", None)
        if found is None or len(found) < size:
            found = self._own.scratch = torch.empty(max(size, _CHUNK), dtype=torch.uint8)
        return found[:size]

    def _read(self, place: _Place, into: Tensor) -> None:
        try:
            file = self._file(place.path)
            file.seek(place.start)
            room, got = into.numpy().data, 0
            while got < len(room):
                count = file.readinto(room[got:])  # type: ignore[attr-defined]
                if not count:
                    raise OSError("it ends too early; was it written to meanwhile?")
                got += count
        except OSError as broken:
            message = f"{place.path.name} cannot be read: {broken}."
            hint = "Check its disk and try again."
            raise RequestError(f"{place.kind}-unreadable", message, hint) from broken

    def _file(self, path: Path) -> BinaryIO:
        files: dict[Path, BinaryIO] = self._own.__dict__.setdefault("files", {})
        if path not in files:
            files[path] = self._stack.enter_context(path.open("rb", buffering=0))
        return files[path]
