"""The U-Net of Stable Diffusion 1.x, 2.x, SDXL and its refiner (Rombach et al. 2022, Podell et al. 2023)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import zip_longest

import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.engine.architecture.attention import Context, Projected
from runtime.engine.architecture.configs import UNetConfig
from runtime.engine.architecture.residual import Downsample, ResnetBlock, Upsample, activated
from runtime.engine.architecture.transformer import Transformer

_EPS = 1e-5
#: longest wave of the waves that tell a number
_LONGEST = 10_000


def waves(numbers: Tensor, channels: int) -> Tensor:
    """(n,) to (n, channels) in float32: cosines, then sines, of frequencies from 1 down to 1/10 000.

    Vaswani et al. 2017 in the order of Ho et al. 2020's code, turned as Stable Diffusion has it.
    """
    half = channels // 2
    exponents = -math.log(_LONGEST) * torch.arange(half, dtype=torch.float32, device=numbers.device) / half
    angles = numbers.float()[:, None] * exponents.exp()
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class Embedding(nn.Module):
    """What is told of time, or of sizes, in the width that the blocks read."""

    def __init__(self, width: int, out_width: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(width, out_width)
        self.linear_2 = nn.Linear(out_width, out_width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear_2(functional.silu(self.linear_1(x), inplace=True))
        return out


class Block(nn.Module):
    """ResNet blocks, each with a transformer behind it where the level attends."""

    def __init__(self, config: UNetConfig, level: int, widths: list[tuple[int, int]], transformers: int) -> None:
        """`widths`: of what goes into and comes out of each ResNet block."""
        super().__init__()
        time_width = 4 * config.block_out_channels[0]
        groups, width = config.norm_num_groups, widths[-1][1]
        if transformers:
            more = (config.heads(level), config.depth(level), config.cross_attention_dim)
            linear = config.use_linear_projection
            self.attentions = nn.ModuleList([Transformer(width, *more, groups, linear) for _ in range(transformers)])
        self.resnets = nn.ModuleList([ResnetBlock(into, out, groups, _EPS, time_width) for into, out in widths])

    def pairs(self) -> Iterator[tuple[ResnetBlock, Transformer | None]]:
        """In the order in which they run."""
        return zip_longest(self.resnets, getattr(self, "attentions", ()))  # type: ignore[arg-type]


class DownBlock(Block):
    """A level on the way down."""

    def __init__(self, config: UNetConfig, level: int) -> None:
        before, width = config.block_out_channels[max(0, level - 1)], config.block_out_channels[level]
        layers = config.layers_per_block
        widths = [(before, width)] + [(width, width)] * (layers - 1)
        super().__init__(config, level, widths, layers if config.attends(level) else 0)
        if level < config.levels - 1:
            self.downsamplers = nn.ModuleList([Downsample(width)])

    def forward(self, x: Tensor, time: Tensor, context: Context) -> list[Tensor]:
        """All that the way up will see; the last of them goes on."""
        seen = []
        for resnet, transformer in self.pairs():
            x = resnet(x, time)
            if transformer is not None:
                x = transformer(x, context)
            seen.append(x)
        if hasattr(self, "downsamplers"):
            seen.append(self.downsamplers[0](x))
        return seen


class MiddleBlock(Block):
    """ResNet block, transformer, ResNet block."""

    def __init__(self, config: UNetConfig) -> None:
        width = config.block_out_channels[-1]
        super().__init__(config, config.levels - 1, [(width, width)] * 2, 1)

    def forward(self, x: Tensor, time: Tensor, context: Context) -> Tensor:
        for resnet, transformer in self.pairs():
            x = resnet(x, time)
            if transformer is not None:
                x = transformer(x, context)
        return x


class UpBlock(Block):
    """A level on the way up: each ResNet block sees also what was there on the way down."""

    def __init__(self, config: UNetConfig, level: int) -> None:
        widths = config.block_out_channels
        width, below = widths[level], widths[min(level + 1, config.levels - 1)]
        layers = config.layers_per_block + 1
        seen = [width] * (layers - 1) + [widths[max(0, level - 1)]]
        inputs = [(below if layer == 0 else width) + more for layer, more in enumerate(seen)]
        super().__init__(config, level, [(into, width) for into in inputs], layers if config.attends(level) else 0)
        if level > 0:
            self.upsamplers = nn.ModuleList([Upsample(width)])

    def forward(self, x: Tensor, seen: list[Tensor], time: Tensor, context: Context) -> Tensor:
        """What is used is taken from the end of `seen`, so that it need not be kept."""
        for resnet, transformer in self.pairs():
            x = resnet(torch.cat([x, seen.pop()], dim=1), time)
            if transformer is not None:
                x = transformer(x, context)
        if hasattr(self, "upsamplers"):
            # sizes that do not halve evenly on the way down
            height, width = seen[-1].shape[2:]
            x = self.upsamplers[0](x, (height, width))
        return x


class UNet(nn.Module):
    """`forward` is `embed`, which the steps' times alone need, and `denoise`."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        first = config.block_out_channels[0]
        self.conv_in = nn.Conv2d(config.in_channels, first, 3, padding=1)
        self.time_embedding = Embedding(first, 4 * first)
        if config.addition_embed_type == "text_time":
            self.add_embedding = Embedding(config.projection_class_embeddings_input_dim or 0, 4 * first)
        self.down_blocks = nn.ModuleList([DownBlock(config, level) for level in range(config.levels)])
        self.up_blocks = nn.ModuleList([UpBlock(config, level) for level in reversed(range(config.levels))])
        self.mid_block = MiddleBlock(config)
        self.conv_norm_out = nn.GroupNorm(config.norm_num_groups, first, _EPS)
        self.conv_out = nn.Conv2d(first, config.out_channels, 3, padding=1)

    def forward(
        self,
        latents: Tensor,
        times: Tensor,
        context: Tensor | Context,
        pooled: Tensor | None = None,
        sizes: Tensor | None = None,
    ) -> Tensor:
        """What the latents (batch, in_channels, h, w) are told to be at `times` (batch,): (batch, out_channels, h, w).

        `context`: states of the text (batch, tokens, width), or who gives keys and values made of them. SDXL's
        `pooled` (batch, projection) and `sizes` (batch, 6 or 5) as in `conditioning.Condition`.
        """
        context = Projected(context) if isinstance(context, Tensor) else context
        return self.denoise(latents, self.embed(times, latents.dtype, pooled, sizes), context)

    def embed(
        self, times: Tensor, dtype: torch.dtype, pooled: Tensor | None = None, sizes: Tensor | None = None
    ) -> Tensor:
        """(batch, 4 * first width): what `denoise` is told of times and sizes, SiLU included."""
        told: Tensor = self.time_embedding(waves(times, self.config.block_out_channels[0]).to(dtype))
        if pooled is not None and sizes is not None and hasattr(self, "add_embedding"):
            each = waves(sizes.flatten(), self.config.addition_time_embed_dim or 0).reshape(len(sizes), -1)
            told = told + self.add_embedding(torch.cat([pooled, each], dim=-1).to(dtype))
        return functional.silu(told)

    def denoise(self, latents: Tensor, time: Tensor, context: Context) -> Tensor:
        """Of the blocks; `time` is what `embed` made, one row for all or one for each."""
        x: Tensor = self.conv_in(latents)
        seen = [x]
        for block in self.down_blocks:
            seen += block(seen[-1], time, context)
        x = self.mid_block(seen[-1], time, context)
        for block in self.up_blocks:
            x = block(x, seen, time, context)
        out: Tensor = self.conv_out(activated(self.conv_norm_out, x))
        return out
