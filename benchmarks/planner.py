"""C6: the peak of memory that the planner predicts, against what the CPU's allocator gave out, for 40 cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from benchmarks.frame import Bench, Figure, Row, at_most
from runtime.engine import strips
from runtime.engine.architecture import (
    Attention,
    Autoencoder,
    AutoencoderConfig,
    TextConfig,
    TextModel,
    UNet,
    UNetConfig,
)
from runtime.engine.architecture.attention_functions import FUNCTIONS
from runtime.engine.architecture.quick import quicken
from runtime.engine.memory import traces
from runtime.engine.memory.needs import size
from runtime.engine.memory.traces import Canvas
from runtime.placement import SLACK
from tools.published import FAMILIES, configurations

SD1, SD2, SDXL = (UNetConfig.of(configurations(family).unet) for family in FAMILIES)
VAE = AutoencoderConfig.of(configurations("sd1").vae)
CLIP_L, OPEN_CLIP = (TextConfig.of(configurations(family).texts[0]) for family in ("sd1", "sd2"))


@dataclass(frozen=True)
class Case:
    """Bytes of activations as predicted, bytes of the weights, and the work whose memory is measured."""

    name: str
    predicted: int
    weights: int
    run: Callable[[], object]


def measure(bench: Bench) -> Iterator[Figure]:
    whole, alone, over = [], [], []
    for number, case in enumerate(_cases(bench.quick), 1):
        taken = allocated(case.run)
        whole.append(100 * abs(case.predicted - taken) / (case.weights + taken))
        alone.append(100 * abs(case.predicted - taken) / taken)
        over.append(taken / (case.predicted * SLACK))
        bench.say(f"  {number}. {case.name}: predicted {case.predicted >> 20} MiB, measured {taken >> 20} MiB")
    cases = f"{len(whole)} cases"
    against = "the CPU allocator's own trace"
    yield Figure(f"predicted peak, weights and activations, greatest error of {cases}", against, tuple(whole),
                 at_most(8), "%", "max")  # fmt: skip
    yield Figure("the same of activations alone", against, tuple(alone), None, "%", "max")
    note = "above 1 a plan that fills the memory would not have fitted; 10 % are planned besides"
    yield Figure("measured activations through planned", "what the plan leaves for them", tuple(over), at_most(1), "x",
                 "max", note=note)  # fmt: skip


def _cases(quick: bool) -> Iterator[Case]:
    if quick:
        yield _drawing("SD 1.x", SD1, 128, 128, 1)
        yield _decoding(128, 128, None)
        return
    for width, height, batch in ((256, 256, 1), (256, 256, 2), (320, 256, 2), (384, 256, 2), (384, 384, 2)):
        yield _drawing("SD 1.x", SD1, width, height, batch)
        yield _drawing("SD 2.x", SD2, width, height, batch)
        yield _drawing("SDXL", SDXL, width, height, batch)
    for attention in ("sliced", "most-sliced", "plain"):
        for side in (256, 384):
            yield _drawing("SD 1.x", SD1, side, side, 2, attention)
    for width, height in ((256, 256), (384, 256), (384, 384), (512, 384), (512, 512)):
        yield _decoding(width, height, None)
        yield _encoding(width, height, None)
        yield _decoding(width, height, 16)
    for config, name in ((CLIP_L, "CLIP-L"), (OPEN_CLIP, "OpenCLIP")):
        for chunks in (1, 3):
            yield _reading(name, config, chunks)


def _canvas(width: int, height: int, batch: int, attention: str = "sdp") -> Canvas:
    return Canvas(height // 8, width // 8, batch, torch.float32, attention, "cpu", channels_last=True)


def _drawing(name: str, config: UNetConfig, width: int, height: int, batch: int, attention: str = "sdp") -> Case:
    canvas = _canvas(width, height, batch, attention)

    def run() -> object:
        unet = _filled(UNet, config)
        for module in unet.modules():
            if isinstance(module, Attention):
                module.attend = FUNCTIONS[attention]
        latents = torch.randn(batch, 4, canvas.height, canvas.width)
        states = torch.randn(batch, traces.TOKENS, config.cross_attention_dim)
        more = (torch.randn(batch, 1280), torch.randn(batch, 6)) if config.addition_time_embed_dim else ()
        return lambda: unet(latents, torch.full((batch,), 5.0), states, *more)

    weights = _size(UNet, config)
    title = f"U-Net of {name}, {width} x {height}, batch {batch}, {attention}"
    return Case(title, traces.drawing(config, canvas), weights, run)


def _decoding(width: int, height: int, rows: int | None) -> Case:
    canvas = _canvas(width, height, 1)

    def run() -> object:
        vae, latents = _filled(Autoencoder, VAE), torch.randn(1, 4, canvas.height, canvas.width)
        if rows is None:
            return lambda: vae.decode(latents)
        return lambda: strips.decode(vae, latents, strips.Strips(rows))

    predicted = traces.decoding_in_strips(VAE, canvas, rows) if rows else traces.decoding(VAE, canvas)
    how = f"in strips of {rows}" if rows else "whole"
    return Case(f"decoding {width} x {height}, {how}", predicted, _size(Autoencoder, VAE), run)


def _encoding(width: int, height: int, rows: int | None) -> Case:
    canvas = _canvas(width, height, 1)

    def run() -> object:
        vae, picture = _filled(Autoencoder, VAE), torch.rand(1, 3, height, width)
        return lambda: vae.encode(picture) if rows is None else strips.encode(vae, picture, strips.Strips(rows))

    predicted = traces.encoding_in_strips(VAE, canvas, rows) if rows else traces.encoding(VAE, canvas)
    how = f"in strips of {rows}" if rows else "whole"
    return Case(f"encoding {width} x {height}, {how}", predicted, _size(Autoencoder, VAE), run)


def _reading(name: str, config: TextConfig, chunks: int) -> Case:
    def run() -> object:
        text, tokens = _filled(TextModel, config), torch.zeros(chunks, traces.TOKENS, dtype=torch.long)
        return lambda: text(tokens)

    predicted = traces.reading(config, chunks, torch.float32, "cpu")
    return Case(f"{name}, {chunks} chunks", predicted, _size(TextModel, config), run)


def _size(kind: Any, config: Any) -> int:
    with torch.device("meta"):
        return size(kind(config), torch.float32)


def _filled(kind: Any, config: Any) -> Any:
    """The model as a processor runs it, with weights that all lie in the same bytes: memory goes by no values."""
    with torch.device("meta"):
        model = kind(config).to(memory_format=torch.channels_last).eval()
    quicken(model)
    pool = torch.randn(max(one.numel() for one in model.parameters())) * 0.02
    for holder in model.modules():
        for name, one in list(holder.named_parameters(recurse=False)):
            setattr(holder, name, nn.Parameter(pool.as_strided(one.shape, one.stride()), requires_grad=False))
        for name, one in list(holder.named_buffers(recurse=False)):
            if one.is_meta:
                setattr(holder, name, torch.zeros(one.shape, dtype=one.dtype))
    return model


def allocated(make: Callable[[], Any]) -> int:
    """Bytes that a run held at most beside its models and what goes in, by every allocation and release.

    In a thread of its own, for what a thread keeps for the next run belongs to each of them.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_allocated, make).result()


def _allocated(make: Callable[[], Any]) -> int:
    run = make()
    with torch.inference_mode(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        run()
    told = [one for one in seen.profiler.kineto_results.events() if one.name() == "[memory]"]
    now = most = 0
    for one in sorted(told, key=lambda each: each.start_ns()):
        now += one.nbytes()
        most = max(most, now)
    return most


ROW = Row("C6", "the planner's predicted peak", measure)
