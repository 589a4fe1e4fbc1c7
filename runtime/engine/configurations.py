"""Configurations of a checkpoint's models: the family's constants from runtime/assets, everything else from shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from runtime.engine.names import VAE_LEVELS
from runtime.engine.pieces import Layout, Part
from runtime.request import RequestError

ASSETS = Path(__file__).resolve().parent.parent / "assets"
#: numbers of SDXL's sizes (original size, crop, target size), and of the refiner's (… and an aesthetic score)
_SIZES = {"sdxl": 6, "sdxl-refiner": 5}
#: 4 latents; a mask and a masked picture beside them; a picture beside them
INPUT_CHANNELS = (4, 9, 8)
_STRANGE_INPUTS = {5: "a depth-to-image checkpoint", 7: "an upscaling checkpoint"}
_WIDTH_OF_A_HEAD = 64
_ANOTHER = "Choose another file, or download this one again."
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Configurations:
    """The fields of a UNetConfig, an AutoencoderConfig and one TextConfig per text model (engine/architecture)."""

    unet: dict[str, Any]
    vae: dict[str, Any]
    texts: tuple[dict[str, Any], ...]
    #: of the family, in pixels
    native: int
    #: widths of the text models' projections, where they have one
    projections: tuple[int | None, ...]


def configure(layout: Layout) -> Configurations:
    """Follow the shapes in `layout`; RequestError `checkpoint-not-a-model` or `checkpoint-unsupported` says why not."""
    family = family_constants(layout.family)
    texts = tuple(
        constants | _of(layout, part, _text) for constants, part in zip(family["texts"], layout.texts, strict=False)
    )
    if len(layout.texts) != len(family["texts"]):
        raise RequestError("checkpoint-not-a-model", f"{layout.path.name} lacks a text model.", _ANOTHER)
    projections = tuple(_projection(part) for part in layout.texts)
    unet = family["unet"] | _of(layout, layout.unet, _unet)
    _check_inputs(layout, unet["in_channels"])
    if layout.family in _SIZES:
        unet |= _of(layout, layout.unet, lambda shapes: _sizes(shapes, _SIZES[layout.family], projections[-1]))
    vae = family["vae"] | _of(layout, layout.vae, vae_widths)
    if layout.scaling is not None:
        vae["scaling_factor"] = layout.scaling
    return Configurations(unet, vae, texts, int(family["native"]), projections)


@lru_cache
def family_constants(family: str) -> dict[str, Any]:
    """What no tensor tells."""
    found: dict[str, Any] = json.loads((ASSETS / f"{family.replace('-', '_')}.json").read_text(encoding="utf-8"))
    return found


def _of(layout: Layout, part: Part, read: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = read(part.shapes)
    except KeyError as absent:
        message = f"{layout.path.name} lacks the tensor {part.original(absent.args[0])}; it is no complete checkpoint."
        raise RequestError("checkpoint-not-a-model", message, _ANOTHER) from absent
    except (IndexError, ValueError, ZeroDivisionError) as broken:
        message = f"{layout.path.name} has misshapen tensors ({broken})."
        raise RequestError("checkpoint-unsupported", message, _ANOTHER) from broken
    return found


def _check_inputs(layout: Layout, channels: int) -> None:
    if channels not in INPUT_CHANNELS:
        what = _STRANGE_INPUTS.get(channels, "an unknown variant")
        message = f"{layout.path.name} is {what} ({channels} input channels), which is not drawn with."
        raise RequestError("checkpoint-unsupported", message, "Choose another checkpoint.")


def _unet(shapes: Shapes) -> dict[str, Any]:
    levels = _levels(shapes)
    widths = [shapes[f"down_blocks.{level}.resnets.0.conv1.weight"][0] for level in range(levels)]
    middle = _depth(shapes, "mid_block.attentions.0")
    depths = [_depth(shapes, f"down_blocks.{level}.attentions.0") or middle for level in range(levels)]
    found = {
        "in_channels": shapes["conv_in.weight"][1],
        "block_out_channels": tuple(widths),
        "transformer_layers_per_block": tuple(depths),
        "cross_attention_dim": shapes["mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"][1],
    }
    if len(shapes["mid_block.attentions.0.proj_in.weight"]) == 2:
        # since 2.x; the width of a head is the same everywhere, where 1.x has the same number of heads
        heads = tuple(max(1, width // _WIDTH_OF_A_HEAD) for width in widths)
        found |= {"use_linear_projection": True, "attention_head_dim": heads}
    return found


def _levels(shapes: Shapes) -> int:
    found = next(level for level in count() if f"down_blocks.{level}.resnets.0.conv1.weight" not in shapes)
    if found == 0:
        raise KeyError("down_blocks.0.resnets.0.conv1.weight")
    return found


def _depth(shapes: Shapes, attention: str) -> int:
    name = attention + ".transformer_blocks.{}.norm1.weight"
    return next(depth for depth in count() if name.format(depth) not in shapes)


def _sizes(shapes: Shapes, numbers: int, pooled: int | None) -> dict[str, Any]:
    """The pooled text and `numbers` sizes, each in as many channels, are one vector."""
    if pooled is None:
        raise KeyError("text_projection.weight")
    width = shapes["add_embedding.linear_1.weight"][1]
    return {
        "projection_class_embeddings_input_dim": width,
        "addition_time_embed_dim": (width - pooled) // numbers,
    }


def vae_widths(shapes: Shapes) -> dict[str, Any]:
    """Of an autoencoder's levels."""
    places = (f"encoder.down_blocks.{level}.resnets.0.conv1.weight" for level in range(VAE_LEVELS))
    return {"block_out_channels": tuple(shapes[place][0] for place in places)}


def _text(shapes: Shapes) -> dict[str, Any]:
    """One attention head per 64 channels, as in every CLIP; layers are counted."""
    vocabulary, width = shapes["embeddings.token_embedding.weight"]
    layers = next(layer for layer in count() if f"encoder.layers.{layer}.mlp.fc1.weight" not in shapes)
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": shapes["encoder.layers.0.mlp.fc1.weight"][0],
        "num_hidden_layers": layers,
        "num_attention_heads": max(1, width // _WIDTH_OF_A_HEAD),
        "max_position_embeddings": shapes["embeddings.position_embedding.weight"][0],
    }


def _projection(part: Part) -> int | None:
    piece = part.pieces.get("text_projection.weight")
    return None if piece is None else piece.shape[0]
