"""Which of torch's ways to compute attention the flags ask for, and the models told to use it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from runtime.engine import architecture
from runtime.engine.architecture.attention_functions import FUNCTIONS

#: by AUTOMATIC1111's priority: of several flags the first that can be had counts
FLAGS = (
    ("xformers", "xformers"),
    ("force_enable_xformers", "xformers"),
    ("opt_split_attention", "sliced"),
    ("opt_sdp_no_mem_attention", "sdp-no-mem"),
    ("opt_sdp_attention", "sdp"),
    ("opt_sub_quad_attention", "sliced"),
    ("opt_split_attention_v1", "most-sliced"),
    ("opt_split_attention_invokeai", "sliced"),
)


@dataclass(frozen=True)
class Attention:
    """`name`: plain, sdp, sdp-no-mem, sliced, most-sliced or xformers; `warning` says what could not be had."""

    name: str = "sdp"
    warning: str = ""


def choose(flags: Mapping[str, object], cuda: bool, xformers: bool | None = None) -> Attention:
    """torch's own attention unless a flag asks for another; xformers needs its package and an NVIDIA card.

    `xformers` None: look whether the package is there.
    """
    if flags.get("disable_opt_split_attention"):
        return Attention("plain")
    there = importlib.util.find_spec("xformers") is not None if xformers is None else xformers
    asked = [name for flag, name in FLAGS if flags.get(flag)]
    possible = [name for name in asked if name != "xformers" or (there and cuda)]
    warning = ""
    if "xformers" in asked and not (there and cuda):
        why = "there is no NVIDIA GPU in use" if there else "it is not installed"
        warning = f"xformers cannot be used, since {why}; torch's own attention takes its place."
    return Attention(possible[0] if possible else "sdp", warning)


def use(attention: Attention, unet: nn.Module) -> None:
    """Set the U-Net's attention. The VAE's keeps torch's own: it runs once per picture."""
    for module in unet.modules():
        if isinstance(module, architecture.Attention):
            module.attend = FUNCTIONS[attention.name]
