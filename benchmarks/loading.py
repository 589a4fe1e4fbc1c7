"""C4: a checkpoint from its file to a model that can draw, and back to the one before, against diffusers' loader."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import torch
from torch import nn

from benchmarks.frame import Bench, Figure, NotHereError, Row, Turn, alternate, at_least, at_most, faster
from benchmarks.peers import sd15_pipeline
from benchmarks.weights import sd15
from runtime.channel import Channel
from runtime.engine.memory.hardware import free_ram
from runtime.worker import Worker
from runtime.worker_flags import parse

_PEER = "StableDiffusionPipeline.from_single_file (safetensors' load_file)"
#: bytes: two checkpoints of ours in float32, one of the peer's, and what the worker leaves to others
_NEEDED = 15 << 30
_NOTE = "float16 file in the page cache, float32 in memory; not hashed"

Sums = Mapping[str, int]


def measure(bench: Bench) -> Iterator[Figure]:
    if (free_ram() or 0) < _NEEDED:
        raise NotHereError(
            f"{_NEEDED >> 30} GiB of free memory are needed for two models of ours and one of diffusers'"
        )
    first = sd15(bench.cache)
    with tempfile.TemporaryDirectory(dir=bench.cache) as folder:
        second = Path(folder) / "second.safetensors"
        try:
            os.link(first, second)
        except OSError:
            shutil.copyfile(first, second)
        theirs = _theirs(first, bench.cache)
        pairs = alternate(bench, _loading(first, Path(folder)), theirs)
        yield faster(pairs, "load", _PEER, at_least(2), _NOTE)
        wrong = tuple(float(_unlike(pair.ours.output, pair.theirs.output)) for pair in pairs)
        yield Figure("weights that are not the same to the bit", _PEER, wrong, at_most(0), unit="", by="max")
        back = alternate(bench, _going_back(first, second, Path(folder)), theirs)
        yield faster(back, "switch back to the checkpoint before", _PEER, at_least(5), _NOTE)
        wrong = tuple(float(_unlike(pair.ours.output, pair.theirs.output)) for pair in back)
        yield Figure("weights that are not the same to the bit, switched back", _PEER, wrong, at_most(0), "", "max")


def _worker(folder: Path) -> Worker:
    """The program's own, in this process; what it says is heard by nobody."""
    settings = replace(parse(["--use-cpu", "all", "--data-dir", str(folder), "3"]), hashing=False)
    return Worker(cast(Channel, SimpleNamespace(send=lambda _message: None)), settings)


def _read(worker: Worker, path: Path) -> Turn[Sums]:
    gc.collect()
    began = time.perf_counter()
    model = worker.read(path, "0")
    seconds = time.perf_counter() - began
    parts = {name: model.store.modules(name)[0] for name in ("unet", "vae", "text")}
    return Turn(seconds, _sums(parts))


def _loading(path: Path, folder: Path) -> Callable[[], Turn[Sums]]:
    def load() -> Turn[Sums]:
        return _read(_worker(folder), path)

    return load


def _going_back(first: Path, second: Path, folder: Path) -> Callable[[], Turn[Sums]]:
    """Both are read once; what counts is the way back."""
    worker = _worker(folder)
    worker.read(first, "0")

    def switch() -> Turn[Sums]:
        worker.read(second, "0")
        return _read(worker, first)

    return switch


def _theirs(path: Path, cache: Path) -> Callable[[], Turn[Sums]]:
    def load() -> Turn[Sums]:
        gc.collect()
        began = time.perf_counter()
        pipeline: Any = sd15_pipeline(path, cache)
        seconds = time.perf_counter() - began
        parts = {"unet": pipeline.unet, "vae": pipeline.vae, "text": pipeline.text_encoder}
        return Turn(seconds, _sums(parts))

    return load


def _sums(parts: Mapping[str, nn.Module]) -> Sums:
    """Of every weight's bits, which says nothing of the order in which they lie."""
    return {
        f"{part}.{name.removeprefix('text_model.')}": int(weight.reshape(-1).view(torch.int32).sum(dtype=torch.int64))
        for part, model in parts.items()
        for name, weight in model.named_parameters()
    }


def _unlike(ours: Sums, theirs: Sums) -> int:
    return sum(ours.get(name) != theirs.get(name) for name in ours.keys() | theirs.keys())


ROW = Row("C4", "Loading a checkpoint, Stable Diffusion 1.5", measure)
