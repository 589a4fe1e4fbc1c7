"""Which family of models a LoRA was made for, by the widths of its layers, else by what its maker wrote."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from runtime.engine.networks.deltas import Layer
from runtime.engine.networks.files import LoraFile

FAMILIES = {
    "sd1": "Stable Diffusion 1.x",
    "sd2": "Stable Diffusion 2.x",
    "sdxl": "SDXL",
    "sdxl-refiner": "the SDXL refiner",
}
#: width of the text that cross-attention reads
_CONTEXT_WIDTHS = {768: "sd1", 1024: "sd2", 2048: "sdxl", 1280: "sdxl-refiner"}
_TEXT_WIDTHS = {768: "sd1", 1024: "sd2"}
#: how the values of ss_base_model_version and modelspec.architecture begin
_WRITTEN = (
    ("sdxl", "sdxl"),
    ("stable-diffusion-xl", "sdxl"),
    ("sd_v1", "sd1"),
    ("stable-diffusion-v1", "sd1"),
    ("sd_v2", "sd2"),
    ("sd_2", "sd2"),
    ("stable-diffusion-v2", "sd2"),
)


def made_for(file: LoraFile) -> str | None:
    """A sentence's words for the family, or None where nothing tells it."""
    family = _by_widths(file.layers) or _by_words(file.metadata)
    if family is not None:
        return FAMILIES[family]
    names = [layer for _holder, layer in file.layers] + list(file.unread)
    if any("double_blocks" in name or "single_transformer_blocks" in name for name in names):
        return "Flux"
    return "Stable Diffusion 3" if any("joint_blocks" in name for name in names) else None


def _by_widths(layers: Mapping[tuple[str, str], Layer]) -> str | None:
    if any(holder == "text2" for holder, _name in layers):
        return "sdxl"
    for (holder, name), layer in layers.items():
        if holder == "unet" and name.endswith(("attn2_to_k", "attn2_to_v")):
            found = _CONTEXT_WIDTHS.get(_input_width(layer.parts))
        elif holder == "text" and name.endswith(("q_proj", "k_proj", "v_proj", "mlp_fc1")):
            found = _TEXT_WIDTHS.get(_input_width(layer.parts))
        else:
            continue
        if found:
            return found
    return None


def _input_width(parts: Mapping[str, Tensor]) -> int:
    """Of the layer that the parts belong to; 0 where they do not tell."""
    for name in ("lora_down.weight", "hada_w1_b", "diff", "b1.weight"):
        if name in parts and parts[name].ndim > 1:
            return parts[name].shape[1]
    kronecker = [parts[name] for name in ("lokr_w1", "lokr_w1_b", "lokr_w2", "lokr_w2_b") if name in parts]
    return kronecker[0].shape[1] * kronecker[1].shape[1] if len(kronecker) == 2 else 0


def _by_words(metadata: Mapping[str, str]) -> str | None:
    for key in ("ss_base_model_version", "modelspec.architecture"):
        written = metadata.get(key, "").lower()
        for start, family in _WRITTEN:
            if written.startswith(start):
                return family
    return None
