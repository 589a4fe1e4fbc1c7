"""Write small untrained checkpoints of every family: real topology and tensor names, narrow layers, seeded weights."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from runtime.engine.architecture import Autoencoder, AutoencoderConfig, TextConfig, TextModel, UNet, UNetConfig
from runtime.engine.names import TEXT, UNET, UNET_XL, UNET_XL_REFINER, VAE, to_original, vae_projection

WIDTHS = (64, 64, 64, 64)
_CROSS, _PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"
#: per family: names of the U-Net, blocks down, layers of its transformers
FAMILIES = {
    "sd1": (UNET, (_CROSS,) * 3 + (_PLAIN,), (1, 1, 1, 1)),
    "sd2": (UNET, (_CROSS,) * 3 + (_PLAIN,), (1, 1, 1, 1)),
    "sdxl": (UNET_XL, (_PLAIN, _CROSS, _CROSS), (1, 1, 2)),
    "sdxl-refiner": (UNET_XL_REFINER, (_PLAIN, _CROSS, _CROSS, _PLAIN), (2,) * 4),
}
#: of the text models' states, joined
TEXT_WIDTHS = {"sd1": (32,), "sd2": (48,), "sdxl": (32, 48), "sdxl-refiner": (48,)}
#: of OpenCLIP-G's projection, and of each of SDXL's sizes
POOLED, SIZE_WIDTH = 40, 8


def tiny_text(width: int, layers: int = 12, activation: str = "quick_gelu", projection: int | None = None):
    config = TextConfig(
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=1,
        hidden_act=activation,
        projection_dim=projection,
    )
    return TextModel(config).eval()


def tiny_vae(widths: tuple[int, ...] = WIDTHS):
    return Autoencoder(AutoencoderConfig(block_out_channels=widths)).eval()


def tiny_models(widths: tuple[int, ...] = WIDTHS, text_width: int = 32, seed: int = 1):
    """(U-Net, autoencoder, text model) of Stable Diffusion 1.x with seeded random weights."""
    torch.manual_seed(seed)
    _names, down, _depths = FAMILIES["sd1"]
    unet = UNet(UNetConfig(block_out_channels=widths, cross_attention_dim=text_width, down_block_types=down))
    return unet.eval(), tiny_vae(widths), tiny_text(text_width)


def tiny_family(family: str, channels: int = 4, seed: int = 1):
    """(U-Net, autoencoder, text models) of any family, 2 layers to a text model beside 1.x's."""
    torch.manual_seed(seed)
    _names, down, depths = FAMILIES[family]
    more = {}
    if family != "sd1":
        more = {"use_linear_projection": True, "attention_head_dim": (1,) * len(down)}
    if family.startswith("sdxl"):
        numbers = 6 if family == "sdxl" else 5
        more |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": SIZE_WIDTH,
            "projection_class_embeddings_input_dim": POOLED + numbers * SIZE_WIDTH,
        }
    config = UNetConfig(
        in_channels=channels,
        block_out_channels=(64,) * len(down),
        cross_attention_dim=sum(TEXT_WIDTHS[family]),
        down_block_types=down,
        transformer_layers_per_block=depths,
        **more,
    )
    unet = UNet(config)
    texts = {
        "sd1": lambda: (tiny_text(32),),
        "sd2": lambda: (tiny_text(48, 2, "gelu"),),
        "sdxl": lambda: (tiny_text(32, 2), tiny_text(48, 2, "gelu", POOLED)),
        "sdxl-refiner": lambda: (tiny_text(48, 2, "gelu", POOLED),),
    }[family]()
    return unet.eval(), tiny_vae(), texts


def open_clip_state(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """transformers' text model in the layout of OpenCLIP: q, k and v in one matrix, the projection turned."""
    found = {}
    for name, tensor in state.items():
        layer, _, inner = name.removeprefix("encoder.layers.").partition(".")
        if name.startswith("encoder.layers."):
            place = f"transformer.resblocks.{layer}."
            if inner.startswith("self_attn.q_proj"):
                thirds = [state[name.replace("q_proj", f"{third}_proj")] for third in "qkv"]
                found[place + "attn.in_proj_" + inner.rpartition(".")[2]] = torch.cat(thirds)
            elif "k_proj" not in inner and "v_proj" not in inner:
                for ours, original in (
                    ("self_attn.out_proj", "attn.out_proj"),
                    ("layer_norm", "ln_"),
                    ("fc1", "c_fc"),
                    ("fc2", "c_proj"),
                ):
                    inner = inner.replace(ours, original)
                found[place + inner] = tensor
    return found | {
        "positional_embedding": state["embeddings.position_embedding.weight"],
        "token_embedding.weight": state["embeddings.token_embedding.weight"],
        "ln_final.weight": state["final_layer_norm.weight"],
        "ln_final.bias": state["final_layer_norm.bias"],
        "logit_scale": torch.tensor(4.6),
        **({"text_projection": state["text_projection.weight"].t()} if "text_projection.weight" in state else {}),
    }


def original_state(family: str, unet, vae, texts) -> dict[str, torch.Tensor]:
    """The models' tensors under the names of the family's own files."""
    names = FAMILIES[family][0]
    file = {names.original(name): tensor for name, tensor in unet.state_dict().items()}
    for name, tensor in vae.state_dict().items():
        file[VAE.original(name)] = tensor[:, :, None, None] if vae_projection(name) else tensor
    small = {"sd1": TEXT.prefix, "sdxl": "conditioner.embedders.0.transformer.text_model."}.get(family)
    large = {
        "sd2": "cond_stage_model.model.",
        "sdxl": "conditioner.embedders.1.model.",
        "sdxl-refiner": "conditioner.embedders.0.model.",
    }.get(family)
    if small:
        file |= {small + name: tensor for name, tensor in texts[0].state_dict().items()}
    if large:
        file |= {large + name: tensor for name, tensor in open_clip_state(texts[-1].state_dict()).items()}
    return file


def tiny_state(dtype: torch.dtype = torch.float16, **options) -> dict[str, torch.Tensor]:
    state = to_original(*(model.state_dict() for model in tiny_models(**options)))
    return {name: tensor.to(dtype).contiguous() for name, tensor in state.items()}


def write_tiny_checkpoint(path: Path, dtype: torch.dtype = torch.float16) -> None:
    metadata = {"modelspec.resolution": "64x64", "modelspec.title": "Tiny", "format": "pt"}
    save_file(tiny_state(dtype), path, metadata=metadata)


def write_tiny_family(path: Path, family: str, channels: int = 4, seed: int = 1, **metadata: str):
    """A file of any family in float32, native size 64 x 64 unless `metadata` says otherwise; returns its models."""
    models = tiny_family(family, channels, seed)
    state = {name: tensor.contiguous() for name, tensor in original_state(family, *models).items()}
    save_file(state, path, metadata={"modelspec.resolution": "64x64", "format": "pt"} | metadata)
    return models


def write_tiny_folder(path: Path, family: str, scheduler: dict | None = None):
    """The same as diffusers keeps it; returns its models."""
    unet, vae, texts = models = tiny_family(family)
    names = {"sdxl": ("text_encoder", "text_encoder_2"), "sdxl-refiner": ("text_encoder_2",)}.get(
        family, ("text_encoder",)
    )
    parts = {"unet/diffusion_pytorch_model": unet.state_dict(), "vae/diffusion_pytorch_model": vae.state_dict()}
    for name, text in zip(names, texts, strict=True):
        parts[f"{name}/model"] = {
            ("" if key.startswith("text_projection") else "text_model.") + key: tensor
            for key, tensor in text.state_dict().items()
        }
    for place, state in parts.items():
        (path / place).parent.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, path / f"{place}.safetensors")
    (path / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"}))
    if scheduler:
        (path / "scheduler").mkdir()
        (path / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
    return models
