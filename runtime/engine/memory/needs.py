"""What a checkpoint's weights and a picture's activations take, in bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import torch
from torch import nn

from runtime.engine.architecture import Autoencoder, TextModel, UNet
from runtime.engine.architecture.transformer import TransformerBlock
from runtime.engine.memory import traces
from runtime.engine.memory.traces import Canvas
from runtime.engine.precision import Precision
from runtime.engine.weights import bytes_each, piece_sizes
from runtime.placement import ModelBytes, Needs


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
    models: Models, precision: Precision, picture: Picture, attention: str, kind: str, channels_last: bool, graphs: bool
) -> Needs:
    """`kind` is the device's: "cuda", "cpu" …"""
    canvas = Canvas(*picture.cells, picture.batch * picture.prompts, precision.unet, attention, kind, channels_last)
    unet, texts = sizes(models.unet, precision.unet), [sizes(text, precision.text) for text in models.texts]
    held = unet.keys_values * picture.chunks * picture.batch * picture.prompts
    config, shape = models.vae.config, replace(canvas, batch=1, dtype=precision.vae)
    return Needs(
        unet,
        size(models.vae, precision.vae),
        joined(texts),
        traces.drawing(models.unet.config, canvas) + held,
        traces.drawing(models.unet.config, replace(canvas, batch=picture.batch)) + held,
        # chunk by chunk
        max(traces.reading(text.config, 1, precision.text, kind) for text in models.texts),
        lambda rows: traces.decoding_in_strips(config, shape, rows) if rows else traces.decoding(config, shape),
        # the graph reads copies of its own
        held if graphs else 0,
    )


def encoding_of(vae: Autoencoder, canvas: Canvas) -> Callable[[int | None], int]:
    """As `Needs.decoding`, the other way."""
    config = vae.config
    return lambda rows: traces.encoding_in_strips(config, canvas, rows) if rows else traces.encoding(config, canvas)


@dataclass(frozen=True)
class Sizes(ModelBytes):
    """In one precision."""

    #: of the keys and values that cross-attention makes of one chunk of a prompt
    keys_values: int


#: by the precision that is asked for, and the one in which the weights are kept
_Kept = dict[tuple[torch.dtype, frozenset[torch.dtype]], Sizes]
_SIZES: WeakKeyDictionary[nn.Module, _Kept] = WeakKeyDictionary()


def sizes(model: nn.Module, dtype: torch.dtype) -> Sizes:
    """Of all weights in this precision; what lies in eight bits stays so. Looked at once: a large model has many."""
    kept = frozenset(each.dtype for each in model.parameters())
    known = _SIZES.setdefault(model, {})
    if (dtype, kept) not in known:
        loose, *blocks = piece_sizes(model, dtype)
        whole = sum(each.numel() * bytes_each(each.dtype, dtype) for each in model.parameters())
        layers = [module.attn2 for module in model.modules() if isinstance(module, TransformerBlock)]
        width = sum(layer.to_k.out_features + layer.to_v.out_features for layer in layers)
        known[dtype, kept] = Sizes(whole, loose, max(blocks, default=0), width * traces.TOKENS * dtype.itemsize)
    return known[dtype, kept]


def joined(models: Sequence[ModelBytes]) -> ModelBytes:
    """Of models that are brought as one."""
    whole, loose = (sum(getattr(one, name) for one in models) for name in ("whole", "loose"))
    return ModelBytes(whole, loose, max(one.piece for one in models))


def size(model: nn.Module, dtype: torch.dtype) -> int:
    return sizes(model, dtype).whole
