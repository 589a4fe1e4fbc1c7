"""Spellings of tensor names in LoRA files, brought to one: (holder, layer with underscores, part).

kohya: `lora_unet_down_blocks_0_…_to_q.lora_down.weight`; diffusers and PEFT: `unet.down_blocks.0.….to_q.lora_A.weight`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """`holder`: "unet", "text" (the only or first text model), "text1", "text2", or the prefix of something else."""

    holder: str
    layer: str
    part: str


_KOHYA = (
    ("lora_unet_", "unet"),
    ("lora_te1_", "text1"),
    ("lora_te2_", "text2"),
    ("lora_te_", "text"),
    ("lycoris_", "unet"),
)
_DOTTED = (
    ("text_encoder_2.", "text2"),
    ("text_encoder.", "text"),
    ("unet.", "unet"),
    ("model.diffusion_model.", "unet"),
    ("diffusion_model.", "unet"),
)
_BARE_UNET = ("down_blocks.", "up_blocks.", "mid_block.", "conv_in.", "conv_out.", "time_embedding.", "add_embedding.")
_LORA_PARTS = {"down": "lora_down.weight", "up": "lora_up.weight", "A": "lora_down.weight", "B": "lora_up.weight"}
#: the projections of the first diffusers releases, which knew attention layers only
_PROCESSOR = re.compile(r"(.+?)(?:\.processor)?\.(to_[qkv]|to_out)_lora\.(down|up)\.weight")
_PAIR = re.compile(
    r"(.+?)\.(?:lora_linear_layer|lora_conv2d_layer|lora|lora_linear)[._](down|up|A|B)(?:\.\w+)?\.weight"
)
_PEFT = re.compile(r"(.+?)\.lora_(A|B|down|up)(?:\.default)?\.weight")
_MAGNITUDE = re.compile(r"(.+?)\.lora_magnitude_vector(?:\.default)?(?:\.weight)?")
#: what every other trainer writes after the layer's name
_PLAIN = re.compile(
    r"(.+?)\.(alpha|scale|dora_scale|lora_mid\.weight|diff|diff_b|w_norm|b_norm|on_input|weight"
    r"|hada_\w+|lokr_\w+|oft_\w+|[ab][12]\.weight)"
)
_TEXT_PROJECTIONS = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"}


def read_key(name: str) -> Key:
    """Never fails: what nobody knows comes back under its own first word as holder."""
    name = name.removeprefix("base_model.model.")
    for prefix, holder in _KOHYA:
        if name.startswith(prefix):
            layer, _dot, part = name[len(prefix) :].partition(".")
            return Key(holder, layer, part)
    for prefix, holder in _DOTTED:
        if name.startswith(prefix):
            return _dotted(holder, name[len(prefix) :])
    if name.startswith(_BARE_UNET):
        return _dotted("unet", name)
    return Key(re.split(r"[._]", name, maxsplit=1)[0], name, "")


def _dotted(holder: str, name: str) -> Key:
    layer, part = _split(holder, name)
    return Key(holder, layer.replace(".", "_"), part)


def _split(holder: str, name: str) -> tuple[str, str]:
    if found := _PROCESSOR.fullmatch(name):
        layer, projection, direction = found.groups()
        ours = _TEXT_PROJECTIONS[projection] if holder.startswith("text") else projection
        return f"{layer}.{'to_out.0' if ours == 'to_out' else ours}", _LORA_PARTS[direction]
    for pattern in (_PAIR, _PEFT):
        if found := pattern.fullmatch(name):
            return found.group(1), _LORA_PARTS[found.group(2)]
    if found := _MAGNITUDE.fullmatch(name):
        return found.group(1), "dora_scale"
    if found := _PLAIN.fullmatch(name):
        return found.group(1), found.group(2)
    return name, ""
