"""Configurations of a Stable Diffusion 1.x file: the family's constants from runtime/assets, the widths from shapes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.engine.names import TEXT, UNET, VAE
from runtime.request import RequestError
from runtime.safetensors_header import Header

FAMILY_FILE = Path(__file__).resolve().parent.parent / "assets" / "sd1.json"
LEVELS = 4
#: how tensors' names begin in what people confuse with a checkpoint
_OTHERS = (
    (("lora_unet_", "lora_te", "lycoris_"), "a LoRA", "Put it into models/Lora and choose a checkpoint here."),
    (("control_model.", "controlnet_"), "a ControlNet", "Choose a checkpoint here."),
    (("encoder.", "decoder.", "quant_conv."), "a VAE alone", "Put it into models/VAE and choose a checkpoint here."),
    (("first_stage_model.",), "a VAE alone", "Put it into models/VAE and choose a checkpoint here."),
    (("emb_params", "string_to_param", "clip_l", "clip_g"), "an embedding", "Put it into embeddings/ instead."),
    (("double_blocks.", "model.diffusion_model.double_blocks."), "a Flux model", ""),
    (("joint_blocks.", "model.diffusion_model.joint_blocks."), "a Stable Diffusion 3 model", ""),
)
_YET = "This version draws with Stable Diffusion 1.x checkpoints; choose one of those."


@dataclass(frozen=True)
class Configurations:
    """Keyword arguments for UNet2DConditionModel, AutoencoderKL and CLIPTextConfig."""

    unet: dict[str, Any]
    vae: dict[str, Any]
    text: dict[str, Any]


def configure(name: str, header: Header) -> Configurations:
    """Follow the shapes in `header`; RequestError `checkpoint-not-a-model` or `checkpoint-unsupported` says why not."""
    shapes = {key: shape for key, (_dtype, shape) in header.tensors.items()}
    _refuse_others(name, shapes)
    family = json.loads(FAMILY_FILE.read_text(encoding="utf-8"))
    try:
        return Configurations(
            family["unet"] | _unet_widths(shapes), family["vae"] | _vae_widths(shapes), family["text"] | _text(shapes)
        )
    except (KeyError, IndexError) as absent:
        message = f"{name} lacks the tensor {absent.args[0]}; it is no complete checkpoint."
        raise RequestError("checkpoint-not-a-model", message, _YET) from absent


def _refuse_others(name: str, shapes: dict[str, tuple[int, ...]]) -> None:
    """Recognise what is no Stable Diffusion 1.x checkpoint, by tensors that only the others have."""
    if any(key.startswith("conditioner.embedders.") for key in shapes):
        raise RequestError("checkpoint-unsupported", f"{name} is a Stable Diffusion XL checkpoint.", _YET)
    if any(key.startswith("cond_stage_model.model.") for key in shapes):
        raise RequestError("checkpoint-unsupported", f"{name} is a Stable Diffusion 2.x checkpoint.", _YET)
    if UNET.prefix + "input_blocks.0.0.weight" not in shapes:
        _refuse_strangers(name, shapes)
    channels = shapes[UNET.prefix + "input_blocks.0.0.weight"][1]
    if channels != 4:
        what = {9: "an inpainting checkpoint", 8: "an instruct-pix2pix checkpoint"}.get(channels, "an unknown variant")
        raise RequestError("checkpoint-unsupported", f"{name} is {what} ({channels} input channels).", _YET)


def _refuse_strangers(name: str, shapes: dict[str, tuple[int, ...]]) -> None:
    for starts, kind, hint in _OTHERS:
        if any(key.startswith(starts) for key in shapes):
            code = "checkpoint-not-a-model" if hint else "checkpoint-unsupported"
            raise RequestError(code, f"{name} is {kind}, not a checkpoint.", hint or _YET)
    shown = ", ".join(list(shapes)[:3]) or "none"
    raise RequestError("checkpoint-not-a-model", f"{name} holds no known model (its first tensors: {shown}).", _YET)


def _unet_widths(shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    places = (f"{UNET.prefix}input_blocks.{1 + 3 * level}.0.out_layers.3.weight" for level in range(LEVELS))
    context = shapes[UNET.prefix + "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"][1]
    return {"block_out_channels": tuple(shapes[place][0] for place in places), "cross_attention_dim": context}


def _vae_widths(shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    places = (f"{VAE.prefix}encoder.down.{level}.block.0.conv1.weight" for level in range(LEVELS))
    return {"block_out_channels": tuple(shapes[place][0] for place in places)}


def _text(shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """One attention head per 64 channels, as in every CLIP; layers are counted."""
    vocabulary, width = shapes[TEXT.prefix + "embeddings.token_embedding.weight"]
    layers = 0
    while f"{TEXT.prefix}encoder.layers.{layers}.mlp.fc1.weight" in shapes:
        layers += 1
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": shapes[TEXT.prefix + "encoder.layers.0.mlp.fc1.weight"][0],
        "num_hidden_layers": layers,
        "num_attention_heads": max(1, width // 64),
        "max_position_embeddings": shapes[TEXT.prefix + "embeddings.position_embedding.weight"][0],
    }
