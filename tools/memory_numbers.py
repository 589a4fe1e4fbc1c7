"""Counts and traces what the launcher plans memory with, on the engine's own models of the published shapes.

    python tools/memory_numbers.py          in the engine's environment; prints the tables of launcher/data/memory.toml

Nothing is loaded: models and activations lie on torch's meta device (runtime/engine/memory/traces.py), as when the
engine plans. Bytes are float16's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from runtime.engine.architecture import AutoencoderConfig
from runtime.engine.architecture.attention_functions import SLICE
from runtime.engine.checkpoint import empty_models
from runtime.engine.memory import traces
from runtime.engine.memory.needs import Models, Picture, joined, sizes
from runtime.engine.memory.traces import Canvas
from runtime.engine.switches import narrow
from runtime.placement import STRIPS
from tools.published import FAMILIES, configurations

#: sides of the squares from which activations are told; they are linear in the pixels
_SIDES = (512, 1024)
#: prompt and negative prompt
_PROMPTS = 2
#: pixels: strips of the published VAE are told for heights at such distances
_APART = 64


@dataclass(frozen=True)
class Built:
    """On the meta device."""

    models: Models
    native: int


def build(family: str) -> Built:
    """The models of a family as the published files have them."""
    found = configurations(family)
    unet, vae, texts = empty_models(found)
    for model in (unet, vae, *texts):
        model.to(torch.float16).eval().requires_grad_(False)
    return Built(Models(unet, vae, texts), found.native)


def narrowed(family: str) -> Built:
    """With what --fp8-storage does."""
    built = build(family)
    narrow(built.models.unet)
    return built


def parameters(*models: nn.Module) -> int:
    return sum(each.numel() for model in models for each in model.parameters())


def drawing(built: Built, width: int, height: int, attention: str = "sdp", prompts: int = _PROMPTS) -> int:
    """Bytes of one evaluation of the U-Net for one picture."""
    config = built.models.unet.config
    return traces.drawing(config, Canvas(*Picture(width, height).cells, prompts, attention=attention))


def numbers(family: str) -> dict[str, float]:
    """What launcher/data/memory.toml holds of a family."""
    built = build(family)
    models, unet = built.models, sizes(built.models.unet, torch.float16)
    less = sizes(narrowed(family).models.unet, torch.float16)
    text = joined([sizes(one, torch.float16) for one in models.texts])
    small, large = (drawing(built, side, side) for side in _SIDES)
    pixels, more = (side**2 for side in _SIDES)
    each = (large - small) / (more - pixels)
    # tokens of the widest attention: the U-Net's first level that has one
    level = next(n for n, kind in enumerate(models.unet.config.down_block_types) if kind.startswith("Cross"))
    token = (8 * 2**level) ** 2
    wide = 2 * built.native
    scores = 2 * SLICE * (wide**2 / token) ** 2 * 2
    return {
        "native": built.native,
        "text_parameters": parameters(*models.texts),
        "text_loose_parameters": text.loose // 2,
        "text_piece_parameters": text.piece // 2,
        "unet_parameters": parameters(models.unet),
        "unet_loose_parameters": unet.loose // 2,
        "unet_piece_parameters": unet.piece // 2,
        "unet_narrow_parameters": unet.whole - less.whole,
        "unet_narrow_piece_parameters": unet.piece - less.piece,
        "unet_bytes": round(small - each * pixels),
        "unet_bytes_per_pixel": each,
        "texts_bytes": _PROMPTS * unet.keys_values,
        "reading_bytes": max(traces.reading(text.config, 1, torch.float16) for text in models.texts),
        "scored_bytes_per_pixel": (drawing(built, wide, wide, "sliced") - scores) / wide**2,
        "pixels_per_token": token,
        "heads": _rows(models.unet, level),
    }


def _rows(unet: Any, level: int) -> int:
    """Matrices of scores of one picture with its negative prompt, where they are largest."""
    heads = unet.config.attention_head_dim
    return _PROMPTS * int(heads if isinstance(heads, int) else heads[level])


def decoding(width: int, height: int, rows: int | None) -> int:
    """Bytes of decoding one picture."""
    config, canvas = AutoencoderConfig.of(configurations("sd1").vae), Canvas(*Picture(width, height).cells, 1)
    return traces.decoding_in_strips(config, canvas, rows) if rows else traces.decoding(config, canvas)


def strips() -> dict[int, tuple[list[int], list[int]]]:
    """By the rows of latents: heights, and bytes for each column of pixels there; beyond the last two it is a line."""
    found = {}
    for rows in (rows for rows in STRIPS if rows):
        # from eight strips on (traces.py) each further one is as the one before
        last = max(_APART, 8 * rows * 8)
        heights = [*range(_APART, last + 1, _APART), 2 * last]
        found[rows] = (heights, [round(decoding(512, height, rows) / 512) for height in heights])
    return found


def main() -> None:
    for family in FAMILIES:
        print(f"[families.{family}]")
        for name, value in numbers(family).items():
            print(f"{name} = {value if isinstance(value, int) else round(value, 1)}")
    print("[vae]")
    print(f"parameters = {parameters(build('sd1').models.vae)}")
    print(f"bytes_per_pixel = {decoding(512, 512, None) / 512**2:.1f}")
    for rows, (heights, each) in strips().items():
        print(f"[[vae.strips]]\nrows = {rows}\nheights = {heights}\nbytes_per_column = {each}")


if __name__ == "__main__":
    main()
