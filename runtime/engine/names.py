"""Tables of tensor names: the original layout of each family, and diffusers' and transformers' own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

VAE_LEVELS = 4
_LAYERS = 2  # residual blocks per level; the way up has one more

_UNET_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_VAE_RESNET = {"norm1": "norm1", "conv1": "conv1", "norm2": "norm2", "conv2": "conv2", "conv_shortcut": "nin_shortcut"}
_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}

Pair = tuple[str, str]


@dataclass(frozen=True)
class Names:
    """One of the three models: where its tensors lie in a file, and (our module, original module) pairs."""

    prefix: str
    modules: tuple[Pair, ...]

    @cached_property
    def _there(self) -> dict[str, str]:
        return dict(self.modules)

    @cached_property
    def _back(self) -> dict[str, str]:
        return {original: ours for ours, original in self.modules}

    def original(self, name: str) -> str | None:
        """The name in a file of our `name`, prefix included; None if the layout has no such tensor."""
        found = _replace_module(name, self._there)
        return None if found is None else self.prefix + found

    def ours(self, original: str) -> str | None:
        """Our name of a file's `original` name; None if it belongs to another model or to none."""
        if not original.startswith(self.prefix):
            return None
        return _replace_module(original[len(self.prefix) :], self._back)


def _replace_module(name: str, table: Mapping[str, str]) -> str | None:
    """Replace the longest leading run of dotted parts that the table knows."""
    head, tail = name, ""
    while head:
        if head in table:
            return table[head] + tail
        head, dot, last = head.rpartition(".")
        tail = dot + last + tail
    return None


def _inside(ours: str, original: str, parts: Mapping[str, str]) -> Iterator[Pair]:
    return ((f"{ours}.{mine}", f"{original}.{theirs}") for mine, theirs in parts.items())


def _unet(levels: int, attending: Collection[int]) -> Iterator[Pair]:
    """Of a U-Net with so many levels, those of `attending` with attention (0 is the finest)."""
    yield from (("time_embedding.linear_1", "time_embed.0"), ("time_embedding.linear_2", "time_embed.2"))
    yield from (("add_embedding.linear_1", "label_emb.0.0"), ("add_embedding.linear_2", "label_emb.0.2"))
    yield from (("conv_in", "input_blocks.0.0"), ("conv_norm_out", "out.0"), ("conv_out", "out.2"))
    yield from _inside("mid_block.resnets.0", "middle_block.0", _UNET_RESNET)
    yield "mid_block.attentions.0", "middle_block.1"
    yield from _inside("mid_block.resnets.1", "middle_block.2", _UNET_RESNET)
    for level in range(levels):
        yield from _unet_down(level, level in attending, lowest=level == levels - 1)
        yield from _unet_up(levels - 1 - level, level in attending, highest=level == 0)


def _unet_down(level: int, attends: bool, lowest: bool) -> Iterator[Pair]:
    """The lowest level has no downsampler."""
    first = 1 + level * (_LAYERS + 1)
    for layer in range(_LAYERS):
        yield from _inside(f"down_blocks.{level}.resnets.{layer}", f"input_blocks.{first + layer}.0", _UNET_RESNET)
        if attends:
            yield f"down_blocks.{level}.attentions.{layer}", f"input_blocks.{first + layer}.1"
    if not lowest:
        yield f"down_blocks.{level}.downsamplers.0.conv", f"input_blocks.{first + _LAYERS}.0.op"


def _unet_up(block: int, attends: bool, highest: bool) -> Iterator[Pair]:
    """Blocks count from the bottom; the upsampler comes after the attention, where there is one."""
    first = block * (_LAYERS + 1)
    for layer in range(_LAYERS + 1):
        yield from _inside(f"up_blocks.{block}.resnets.{layer}", f"output_blocks.{first + layer}.0", _UNET_RESNET)
        if attends:
            yield f"up_blocks.{block}.attentions.{layer}", f"output_blocks.{first + layer}.1"
    if not highest:
        place = 2 if attends else 1
        yield f"up_blocks.{block}.upsamplers.0.conv", f"output_blocks.{first + _LAYERS}.{place}.conv"


def _vae() -> Iterator[Pair]:
    yield from (("quant_conv", "quant_conv"), ("post_quant_conv", "post_quant_conv"))
    for half in ("encoder", "decoder"):
        for ours, original in (("conv_in", "conv_in"), ("conv_norm_out", "norm_out"), ("conv_out", "conv_out")):
            yield f"{half}.{ours}", f"{half}.{original}"
        yield from _inside(f"{half}.mid_block.resnets.0", f"{half}.mid.block_1", _VAE_RESNET)
        yield from _inside(f"{half}.mid_block.attentions.0", f"{half}.mid.attn_1", _VAE_ATTENTION)
        yield from _inside(f"{half}.mid_block.resnets.1", f"{half}.mid.block_2", _VAE_RESNET)
    for level in range(VAE_LEVELS):
        yield from _vae_level(level)


def _vae_level(level: int) -> Iterator[Pair]:
    """The original numbers the decoder's levels by resolution, diffusers in the order in which they run."""
    turned = VAE_LEVELS - 1 - level
    down = f"encoder.down_blocks.{level}", f"encoder.down.{level}"
    up = f"decoder.up_blocks.{turned}", f"decoder.up.{level}"
    for layer in range(_LAYERS):
        yield from _inside(f"{down[0]}.resnets.{layer}", f"{down[1]}.block.{layer}", _VAE_RESNET)
    for layer in range(_LAYERS + 1):
        yield from _inside(f"{up[0]}.resnets.{layer}", f"{up[1]}.block.{layer}", _VAE_RESNET)
    if level < VAE_LEVELS - 1:
        yield f"{down[0]}.downsamplers.0.conv", f"{down[1]}.downsample.conv"
    if level > 0:
        yield f"{up[0]}.upsamplers.0.conv", f"{up[1]}.upsample.conv"


_UNET_PREFIX = "model.diffusion_model."
#: Stable Diffusion 1.x and 2.x
UNET = Names(_UNET_PREFIX, tuple(_unet(4, (0, 1, 2))))
UNET_XL = Names(_UNET_PREFIX, tuple(_unet(3, (1, 2))))
UNET_XL_REFINER = Names(_UNET_PREFIX, tuple(_unet(4, (1, 2))))
VAE = Names("first_stage_model.", tuple(_vae()))
#: transformers keeps the original's names inside the text model
TEXT = Names(
    "cond_stage_model.transformer.text_model.",
    tuple((name, name) for name in ("embeddings", "encoder", "final_layer_norm")),
)
_PROJECTIONS = tuple(f".attentions.0.{name}.weight" for name in ("to_q", "to_k", "to_v", "to_out.0"))


def vae_projection(name: str) -> bool:
    """Is our VAE tensor `name` a matrix that the original keeps as a 1x1 convolution?"""
    return name.endswith(_PROJECTIONS)


def to_original(
    unet: Mapping[str, Any], vae: Mapping[str, Any], text: Mapping[str, Any], names: Iterable[Names] = (UNET, VAE, TEXT)
) -> dict[str, Any]:
    """The state dicts (diffusers, diffusers, transformers) in the original layout; KeyError names a stranger.

    Tensors are not copied: the VAE's projections come back as views of shape (out, in, 1, 1).
    """
    file: dict[str, Any] = {}
    for part, tensors in zip(names, (unet, vae, text), strict=True):
        for name, tensor in tensors.items():
            if name.endswith("position_ids"):
                continue
            original = part.original(name)
            if original is None:
                raise KeyError(name)
            file[original] = tensor[:, :, None, None] if part is VAE and vae_projection(name) else tensor
    return file
