"""Write a small untrained checkpoint: real topology and tensor names, narrow layers, seeded weights."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

from runtime.engine.names import to_original

WIDTHS = (64, 64, 64, 64)


def tiny_models(widths: tuple[int, ...] = WIDTHS, text_width: int = 32, seed: int = 1):
    """(U-Net, autoencoder, text model) with seeded random weights."""
    torch.manual_seed(seed)
    unet = UNet2DConditionModel(
        block_out_channels=widths,
        cross_attention_dim=text_width,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    )
    vae = AutoencoderKL(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
    )
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=49408,
            hidden_size=text_width,
            intermediate_size=4 * text_width,
            num_hidden_layers=12,
            num_attention_heads=1,
            hidden_act="quick_gelu",
            bos_token_id=49406,
            eos_token_id=49407,
            pad_token_id=49407,
        )
    )
    return unet.eval(), vae.eval(), getattr(text, "text_model", text).eval()


def tiny_state(dtype: torch.dtype = torch.float16, **options) -> dict[str, torch.Tensor]:
    state = to_original(*(model.state_dict() for model in tiny_models(**options)))
    return {name: tensor.to(dtype).contiguous() for name, tensor in state.items()}


def write_tiny_checkpoint(path: Path, dtype: torch.dtype = torch.float16) -> None:
    metadata = {"modelspec.resolution": "64x64", "modelspec.title": "Tiny", "format": "pt"}
    save_file(tiny_state(dtype), path, metadata=metadata)
