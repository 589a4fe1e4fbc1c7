"""What a model's shape is: the field's own names of its numbers, as configuration files have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from typing_extensions import Self


@dataclass(frozen=True)
class _Config:
    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Lists become tuples, so that a config can be a key; TypeError names a stranger."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()})


@dataclass(frozen=True)
class UNetConfig(_Config):
    """One entry per level, from the finest; the way up mirrors the way down."""

    block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280)
    #: "CrossAttnDownBlock2D" or "DownBlock2D"
    down_block_types: tuple[str, ...] = ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",)
    transformer_layers_per_block: int | tuple[int, ...] = 1
    cross_attention_dim: int = 768
    #: the number of heads, in spite of its name
    attention_head_dim: int | tuple[int, ...] = 8
    #: the transformers' way in and out is a matrix, not a 1x1 convolution
    use_linear_projection: bool = False
    in_channels: int = 4
    out_channels: int = 4
    layers_per_block: int = 2
    norm_num_groups: int = 32
    #: "text_time": SDXL's pooled text and sizes
    addition_embed_type: str | None = None
    #: channels of each size
    addition_time_embed_dim: int | None = None
    #: of the pooled text and all sizes together
    projection_class_embeddings_input_dim: int | None = None

    @property
    def levels(self) -> int:
        return len(self.block_out_channels)

    def attends(self, level: int) -> bool:
        return self.down_block_types[level].startswith("CrossAttn")

    def heads(self, level: int) -> int:
        given = self.attention_head_dim
        return given if isinstance(given, int) else given[level]

    def depth(self, level: int) -> int:
        """Layers of each transformer."""
        given = self.transformer_layers_per_block
        return given if isinstance(given, int) else given[level]


@dataclass(frozen=True)
class AutoencoderConfig(_Config):
    """One entry per level, from the finest."""

    block_out_channels: tuple[int, ...] = (128, 256, 512, 512)
    down_block_types: tuple[str, ...] = ("DownEncoderBlock2D",) * 4
    up_block_types: tuple[str, ...] = ("UpDecoderBlock2D",) * 4
    in_channels: int = 3
    out_channels: int = 3
    latent_channels: int = 4
    layers_per_block: int = 2
    norm_num_groups: int = 32
    scaling_factor: float = 0.18215


@dataclass(frozen=True)
class TextConfig(_Config):
    """A CLIP text model; `projection_dim` None: it has no projection."""

    vocab_size: int = 49408
    hidden_size: int = 768
    intermediate_size: int = 3072
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    max_position_embeddings: int = 77
    #: "quick_gelu" or "gelu"
    hidden_act: str = "quick_gelu"
    layer_norm_eps: float = 1e-05
    bos_token_id: int = 49406
    eos_token_id: int = 49407
    pad_token_id: int = 49407
    projection_dim: int | None = None
