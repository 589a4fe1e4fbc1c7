"""What a checkpoint's weights and a picture's activations take, in bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from runtime.engine.architecture import Autoencoder, TextModel, UNet
from runtime.engine.architecture.transformer import TransformerBlock
from runtime.engine.memory import traces
from runtime.engine.memory.traces import Canvas
from runtime.engine.precision import Precision
from runtime.engine.weights import bytes_each, piece_sizes


@dataclass(frozen=True)
class Needs:
    """Bytes of a checkpoint's weights, and of the activations of drawing one batch."""

    unet: int
    vae: int
    text: int
    #: of the U-Net: what belongs to no block, and the largest block
    loose: int
    piece: int
    #: one call of the U-Net with all prompts in one batch, and with one prompt
    drawing: int
    drawing_apart: int
    reading: int
    #: of one picture by the rows of latents that are worked on at a time; None: all
    decoding: Callable[[int | None], int]


@dataclass(frozen=True)
class Picture:
    """What is drawn at once; width and height in pixels."""

    width: int
    height: int
    batch: int = 1
    #: prompts that the U-Net is asked with, the negative one among them
    prompts: int = 2
    #: of 75 tokens, of the longest prompt
    chunks: int = 1

    @property
    def cells(self) -> tuple[int, int]:
        return -(-self.height // 8), -(-self.width // 8)


@dataclass(frozen=True)
class Models:
    """On any device, the meta device too."""

    unet: UNet
    vae: Autoencoder
    texts: Sequence[TextModel]


def needs_of(
    models: Models, precision: Precision, picture: Picture, attention: str, kind: str, channels_last: bool
) -> Needs:
    """`kind` is the device's: "cuda", "cpu" …"""
    canvas = Canvas(*picture.cells, picture.batch * picture.prompts, precision.unet, attention, kind, channels_last)
    loose, *blocks = piece_sizes(models.unet, precision.unet)
    held = keys_values(models.unet, picture, precision.unet)
    config, shape = models.vae.config, replace(canvas, batch=1, dtype=precision.vae)
    return Needs(
        size(models.unet, precision.unet),
        size(models.vae, precision.vae),
        sum(size(text, precision.text) for text in models.texts),
        loose,
        max(blocks),
        traces.drawing(models.unet.config, canvas) + held,
        traces.drawing(models.unet.config, replace(canvas, batch=picture.batch)) + held,
        max(traces.reading(text.config, picture.chunks, precision.text, kind) for text in models.texts),
        lambda rows: traces.decoding_in_strips(config, shape, rows) if rows else traces.decoding(config, shape),
    )


def keys_values(unet: UNet, picture: Picture, dtype: torch.dtype) -> int:
    """Bytes of what cross-attention makes of all prompts once, and holds while steps are drawn."""
    layers = [module.attn2 for module in unet.modules() if isinstance(module, TransformerBlock)]
    width = sum(layer.to_k.out_features + layer.to_v.out_features for layer in layers)
    return width * traces.TOKENS * picture.chunks * picture.batch * picture.prompts * dtype.itemsize


def size(model: nn.Module, dtype: torch.dtype) -> int:
    """Bytes of all weights in this precision; what lies in eight bits stays so."""
    return sum(each.numel() * bytes_each(each.dtype, dtype) for each in model.parameters())
