"""Hires fix: the size of the second pass, and how the first pass's picture gets there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from runtime.request import Hires, RequestError

#: the upscalers that stretch latents: torch's mode, and whether it looks at more cells where it shrinks
LATENT_MODES: dict[str, tuple[str, bool]] = {
    "Latent": ("bilinear", False),
    "Latent (antialiased)": ("bilinear", True),
    "Latent (bicubic)": ("bicubic", False),
    "Latent (bicubic antialiased)": ("bicubic", True),
    "Latent (nearest)": ("nearest", False),
    "Latent (nearest-exact)": ("nearest-exact", False),
}


@dataclass(frozen=True)
class Target:
    """Pixels to enlarge to, and latent cells cut off in all so that width and height are exactly as asked."""

    width: int
    height: int
    cut_x: int = 0
    cut_y: int = 0

    @property
    def cells(self) -> tuple[int, int]:
        """(width, height) of the second pass in latent cells."""
        return self.width // 8 - self.cut_x, self.height // 8 - self.cut_y


def target_of(hires: Hires, width: int, height: int) -> Target:
    """By the factor; or one side, the other in ratio; or both, covered and cut. RequestError for impossible ones."""
    wanted_x, wanted_y = hires.resize_x, hires.resize_y
    if wanted_x < 0 or wanted_y < 0:
        raise RequestError("out-of-range", "A side of hires fix is negative.", "Set it to 0 to keep the ratio.")
    if wanted_x == 0 and wanted_y == 0:
        return Target(int(width * hires.scale), int(height * hires.scale))
    if wanted_y == 0:
        return Target(wanted_x, wanted_x * height // width)
    if wanted_x == 0:
        return Target(wanted_y * width // height, wanted_y)
    if width / height < wanted_x / wanted_y:
        target = Target(wanted_x, wanted_x * height // width)
    else:
        target = Target(wanted_y * width // height, wanted_y)
    return Target(
        target.width, target.height, max(target.width - wanted_x, 0) // 8, max(target.height - wanted_y, 0) // 8
    )


def stretch(latents: Tensor, upscaler: str, target: Target) -> Tensor:
    """Latents (n, 4, h, w) interpolated to the target's cells, not yet cut."""
    mode, antialias = LATENT_MODES[upscaler]
    size = (target.height // 8, target.width // 8)
    return torch.nn.functional.interpolate(latents, size=size, mode=mode, antialias=antialias)


def cut(latents: Tensor, target: Target) -> Tensor:
    """What stands out on both sides cut off, the odd cell on the right and below."""
    height, width = latents.shape[2:]
    top, left = target.cut_y // 2, target.cut_x // 2
    return latents[:, :, top : height - (target.cut_y + 1) // 2, left : width - (target.cut_x + 1) // 2]


def notes(hires: Hires, prompt: str, negative: str, sampler: str, scheduler: str) -> dict[str, str]:
    """What infotext says of the second pass, in AUTOMATIC1111's order."""
    resized = hires.resize_x > 0 or hires.resize_y > 0
    written = {
        "Hires checkpoint": hires.checkpoint,
        "Hires sampler": hires.sampler_name if hires.sampler_name != sampler else None,
        "Hires prompt": hires.prompt if hires.prompt != prompt else None,
        "Hires negative prompt": hires.negative_prompt if hires.negative_prompt != negative else None,
        "Hires schedule type": hires.scheduler if hires.scheduler != scheduler else None,
        "Hires upscale": None if resized else str(hires.scale),
        "Hires resize": f"{hires.resize_x}x{hires.resize_y}" if resized else None,
        "Hires steps": str(hires.steps) if hires.steps else None,
        "Hires upscaler": hires.upscaler,
    }
    return {key: value for key, value in written.items() if value}
