"""The widths of the published models, in one place: configurations.py reads them from a file's shapes."""

from __future__ import annotations

from typing import Any

from runtime.engine.configurations import Configurations, family_constants

UNETS: dict[str, dict[str, Any]] = {
    "sd1": {
        "in_channels": 4,
        "block_out_channels": (320, 640, 1280, 1280),
        "transformer_layers_per_block": (1, 1, 1, 1),
        "cross_attention_dim": 768,
    },
    "sd2": {
        "in_channels": 4,
        "block_out_channels": (320, 640, 1280, 1280),
        "transformer_layers_per_block": (1, 1, 1, 1),
        "cross_attention_dim": 1024,
        "use_linear_projection": True,
        "attention_head_dim": (5, 10, 20, 20),
    },
    "sdxl": {
        "in_channels": 4,
        "block_out_channels": (320, 640, 1280),
        "transformer_layers_per_block": (1, 2, 10),
        "cross_attention_dim": 2048,
        "use_linear_projection": True,
        "attention_head_dim": (5, 10, 20),
        "projection_class_embeddings_input_dim": 2816,
        "addition_time_embed_dim": 256,
    },
}
CLIP_L = {
    "vocab_size": 49408,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "max_position_embeddings": 77,
}
OPEN_CLIP_H = CLIP_L | {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
}
OPEN_CLIP_G = CLIP_L | {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
}
TEXTS = {"sd1": (CLIP_L,), "sd2": (OPEN_CLIP_H,), "sdxl": (CLIP_L, OPEN_CLIP_G)}
PROJECTIONS: dict[str, tuple[int | None, ...]] = {"sd1": (None,), "sd2": (1024,), "sdxl": (None, 1280)}
VAE = {"block_out_channels": (128, 256, 512, 512)}
FAMILIES = tuple(UNETS)


def configurations(family: str) -> Configurations:
    """Of the models of a family as the published files have them."""
    constants = family_constants(family)
    texts = tuple(given | widths for given, widths in zip(constants["texts"], TEXTS[family], strict=True))
    unet, vae = constants["unet"] | UNETS[family], constants["vae"] | VAE
    return Configurations(unet, vae, texts, int(constants["native"]), PROJECTIONS[family])
