"""Checkpoint files in real architectures with random, seeded weights; written once into a cache folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel

from runtime.engine.names import to_original
from tools.published import configurations

SEED = 15
#: standard deviations of what a trained U-Net tells, and of what a trained autoencoder decodes (-1 … 1)
_NOISE, _PICTURE = 1.0, 0.4


def sd15(cache: Path, dtype: torch.dtype = torch.float16) -> Path:
    """Stable Diffusion 1.5 in its original layout: 2.13 GB in float16, 4.27 GB in float32."""
    path = cache / f"sd15-{str(dtype).removeprefix('torch.')}.safetensors"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        state = to_original(*(model.state_dict() for model in sd15_models()))
        _write({name: tensor.to(dtype).contiguous() for name, tensor in state.items()}, path)
    return path


def sd15_models() -> tuple[Any, Any, Any]:
    """(U-Net, autoencoder, text model) of diffusers and transformers, in float32 and evaluation mode."""
    found = configurations("sd1")
    torch.manual_seed(SEED)
    unet = UNet2DConditionModel(**found.unet).eval().requires_grad_(False)
    vae = AutoencoderKL(**found.vae).eval().requires_grad_(False)
    config = CLIPTextConfig(**found.texts[0])
    text = CLIPTextModel(config).eval().requires_grad_(False)
    text = getattr(text, "text_model", text)
    generator = torch.Generator().manual_seed(SEED)
    latents = torch.randn(1, 4, 32, 32, generator=generator)
    states = torch.randn(1, 77, 768, generator=generator)
    _strengthen(unet.conv_out, _NOISE / float(unet(latents, 500, states).sample.std()))
    _strengthen(vae.decoder.conv_out, _PICTURE / float(vae.decode(latents).sample.std()))
    return unet, vae, text


def _strengthen(last: Any, factor: float) -> None:
    """Untrained models answer so faintly that no error of theirs would show in a latent or a picture."""
    last.weight.mul_(factor)
    last.bias.mul_(factor)


def _write(state: dict[str, Tensor], path: Path) -> None:
    """Beside its place first: a file that is there is whole."""
    part = path.with_suffix(".part")
    save_file(state, part, metadata={"format": "pt", "modelspec.title": "Random"})
    part.replace(path)
