"""The autoencoder between pictures and latents (Rombach et al. 2022), each way as a list of layers."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from runtime.engine.architecture.attention import Attention
from runtime.engine.architecture.configs import AutoencoderConfig
from runtime.engine.architecture.residual import Downsample, ResnetBlock, Upsample

_EPS = 1e-6
#: bounds of the logarithm of the variance
_VARIANCE = (-30.0, 20.0)


class CellAttention(Attention):
    """Every cell sees every other: the one layer that needs the whole picture at once."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__(width, 1, bias=True)
        self.group_norm = nn.GroupNorm(groups, width, _EPS)

    def forward(self, x: Tensor, _context: object = None) -> Tensor:
        """`x` (batch, width, height, width)."""
        tokens = super().forward(self.group_norm(x).flatten(2).transpose(1, 2))
        return x + tokens.transpose(1, 2).view(x.shape)


class _Level(nn.Module):
    def __init__(self, widths: list[tuple[int, int]], groups: int) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([ResnetBlock(into, out, groups, _EPS) for into, out in widths])

    def layers(self) -> Iterator[nn.Module]:
        yield from self.resnets
        yield from getattr(self, "downsamplers", ())
        yield from getattr(self, "upsamplers", ())


class _Middle(nn.Module):
    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([CellAttention(width, groups)])
        self.resnets = nn.ModuleList([ResnetBlock(width, width, groups, _EPS) for _ in range(2)])

    def layers(self) -> Iterator[nn.Module]:
        return iter((self.resnets[0], self.attentions[0], self.resnets[1]))


class _Encoder(nn.Module):
    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        widths, groups = config.block_out_channels, config.norm_num_groups
        self.conv_in = nn.Conv2d(config.in_channels, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList()
        for level, width in enumerate(widths):
            inner = [(width, width)] * (config.layers_per_block - 1)
            block = _Level([(widths[max(0, level - 1)], width), *inner], groups)
            if level < len(widths) - 1:
                block.downsamplers = nn.ModuleList([Downsample(width, padding=0)])
            self.down_blocks.append(block)
        self.mid_block = _Middle(widths[-1], groups)
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], _EPS)
        self.conv_act = nn.SiLU(inplace=True)
        self.conv_out = nn.Conv2d(widths[-1], 2 * config.latent_channels, 3, padding=1)

    def layers(self) -> Iterator[nn.Module]:
        yield self.conv_in
        for block in self.down_blocks:
            yield from block.layers()  # type: ignore[operator]
        yield from (*self.mid_block.layers(), self.conv_norm_out, self.conv_act, self.conv_out)


class _Decoder(nn.Module):
    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        widths, groups = config.block_out_channels[::-1], config.norm_num_groups
        self.conv_in = nn.Conv2d(config.latent_channels, widths[0], 3, padding=1)
        self.up_blocks = nn.ModuleList()
        for level, width in enumerate(widths):
            inner = [(width, width)] * config.layers_per_block
            block = _Level([(widths[max(0, level - 1)], width), *inner], groups)
            if level < len(widths) - 1:
                block.upsamplers = nn.ModuleList([Upsample(width)])
            self.up_blocks.append(block)
        self.mid_block = _Middle(widths[0], groups)
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], _EPS)
        self.conv_act = nn.SiLU(inplace=True)
        self.conv_out = nn.Conv2d(widths[-1], config.out_channels, 3, padding=1)

    def layers(self) -> Iterator[nn.Module]:
        yield from (self.conv_in, *self.mid_block.layers())
        for block in self.up_blocks:
            yield from block.layers()  # type: ignore[operator]
        yield from (self.conv_norm_out, self.conv_act, self.conv_out)


class Autoencoder(nn.Module):
    """Both ways are lists of layers that run one after the other and need nothing but what the one before made.

    A layer is an `nn.Conv2d`, `ResnetBlock`, `CellAttention`, `Downsample`, `Upsample`, `nn.GroupNorm` or `nn.SiLU`.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder, self.decoder = _Encoder(config), _Decoder(config)
        latents = config.latent_channels
        self.quant_conv = nn.Conv2d(2 * latents, 2 * latents, 1)
        self.post_quant_conv = nn.Conv2d(latents, latents, 1)

    def decoding(self) -> list[nn.Module]:
        """The layers from latents to a picture."""
        return [self.post_quant_conv, *self.decoder.layers()]

    def encoding(self) -> list[nn.Module]:
        """The layers from a picture to `moments`."""
        return [*self.encoder.layers(), self.quant_conv]

    def decode(self, latents: Tensor) -> Tensor:
        """(n, 4, h, w), not scaled, to pictures (n, 3, 8h, 8w) in -1 … 1."""
        return run(self.decoding(), latents)

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, each (n, 4, h, w), of the latents of (n, 3, 8h, 8w) in -1 … 1."""
        return moments(run(self.encoding(), pictures))


def run(layers: list[nn.Module], x: Tensor) -> Tensor:
    """One after the other."""
    for layer in layers:
        x = layer(x)
    return x


def moments(told: Tensor) -> tuple[Tensor, Tensor]:
    """What `encoding` ends with, (n, 8, h, w), as mean and standard deviation."""
    mean, log_variance = told.chunk(2, dim=1)
    return mean, torch.exp(0.5 * log_variance.clamp(*_VARIANCE))
