"""The U-Net's transformers over the cells of a picture, which read the text (Rombach et al. 2022)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.engine.architecture.attention import Attention, Context

#: tokens that a processor widens at once
_AT_ONCE = 512


class _GatedLinear(nn.Module):
    """x * gelu(gate), both from one matrix (Shazeer 2020, GEGLU)."""

    def __init__(self, width: int, out_width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * out_width)

    def forward(self, x: Tensor) -> Tensor:
        x, gate = self.proj(x).chunk(2, dim=-1)
        return x * functional.gelu(gate)


class FeedForward(nn.Module):
    """Four times as wide in between. `quick`: set on a processor, whose caches a part of the tokens fits in between."""

    quick = False

    def __init__(self, width: int) -> None:
        super().__init__()
        # the place in the middle was dropout's
        self.net = nn.ModuleList([_GatedLinear(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x: Tensor) -> Tensor:
        if not self.quick:
            return self._widened(x)
        out = torch.empty_like(x)
        parts = (torch.split(tokens.flatten(0, -2), _AT_ONCE) for tokens in (x, out))
        for some, place in zip(*parts, strict=True):
            place.copy_(self._widened(some))
        return out

    def _widened(self, x: Tensor) -> Tensor:
        out: Tensor = self.net[2](self.net[0](x))
        return out


class TransformerBlock(nn.Module):
    """Attention to itself, to the text, and a feed-forward network, each beside a way past it."""

    def __init__(self, width: int, heads: int, context_width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn1 = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.attn2 = Attention(width, heads, context_width)
        self.norm3 = nn.LayerNorm(width)
        self.ff = FeedForward(width)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """`x` (batch, tokens, width)."""
        x = self.attn1(self.norm1(x)).add_(x)
        x = self.attn2(self.norm2(x), context).add_(x)
        out: Tensor = self.ff(self.norm3(x)).add_(x)
        return out


class Transformer(nn.Module):
    """Cells become tokens, go through the blocks, and are added to what they were."""

    def __init__(self, width: int, heads: int, depth: int, context_width: int, groups: int, linear: bool) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, 1e-6)
        self.proj_in = nn.Linear(width, width) if linear else nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(width, heads, context_width) for _ in range(depth)])
        self.proj_out = nn.Linear(width, width) if linear else nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """`x` (batch, width, height, width)."""
        batch, width, height, _ = x.shape
        tokens = _projected(self.proj_in, self.norm(x).permute(0, 2, 3, 1).flatten(1, 2))
        for block in self.transformer_blocks:
            tokens = block(tokens, context)
        tokens = _projected(self.proj_out, tokens)
        return x + tokens.view(batch, height, -1, width).permute(0, 3, 1, 2)


def _projected(layer: nn.Module, tokens: Tensor) -> Tensor:
    """A 1x1 convolution is a matrix; over tokens it needs no other order in memory."""
    weight = layer.weight.flatten(1)  # type: ignore[operator]
    return functional.linear(tokens, weight, layer.bias)  # type: ignore[arg-type]
