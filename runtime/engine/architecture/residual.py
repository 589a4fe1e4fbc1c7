"""Residual blocks of convolutions (He et al. 2016), and the way to half and double the size."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from runtime.engine.architecture.convolution import Convolution


class ResnetBlock(nn.Module):
    """Twice norm, SiLU and convolution beside a way past them; `time_width`: what is told of the time in between."""

    def __init__(self, width: int, out_width: int, groups: int, eps: float, time_width: int | None = None) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, width, eps)
        self.conv1 = Convolution(width, out_width)
        self.time_emb_proj = None if time_width is None else nn.Linear(time_width, out_width)
        self.norm2 = nn.GroupNorm(groups, out_width, eps)
        self.conv2 = Convolution(out_width, out_width)
        self.conv_shortcut = nn.Conv2d(width, out_width, 1) if width != out_width else None

    def forward(self, x: Tensor, time: Tensor | None = None) -> Tensor:
        """`x` (batch, width, height, width); `time` (batch, time_width) has been through SiLU."""
        made = self.conv1(activated(self.norm1, x))
        if self.time_emb_proj is not None:
            made += self.time_emb_proj(time)[:, :, None, None]
        made = self.conv2(activated(self.norm2, made))
        made += x if self.conv_shortcut is None else self.conv_shortcut(x)
        out: Tensor = made
        return out


def activated(norm: nn.GroupNorm, x: Tensor) -> Tensor:
    """SiLU of the normed `x`; the norm's result is overwritten."""
    return functional.silu(norm(x), inplace=True)


class Downsample(nn.Module):
    """Half the size; `padding` 0: one row and column of zeros at the far edges alone, as the autoencoder has it."""

    def __init__(self, width: int, padding: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        if self.conv.padding == (0, 0):
            x = functional.pad(x, (0, 1, 0, 1))
        out: Tensor = self.conv(x)
        return out


class Upsample(nn.Module):
    """Double the size by repetition, or to `size` (height, width), and a convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = Convolution(width, width)

    def forward(self, x: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        size = size or (2 * x.shape[2], 2 * x.shape[3])
        out: Tensor = self.conv(functional.interpolate(x, size=size, mode="nearest"))
        return out
