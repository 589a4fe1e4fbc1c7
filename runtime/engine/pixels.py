"""Start pictures as pixels: laid on a ground where they are transparent, turned into tensors."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageColor
from torch import Tensor

_WHITE = (255, 255, 255)


def flatten(image: Image.Image, background: str) -> Image.Image:
    """RGB; what is transparent shows the background (#rrggbb; white if that is no colour)."""
    if "A" not in image.getbands():
        return image.convert("RGB")
    ground = Image.new("RGBA", image.size, _colour(background))
    ground.alpha_composite(image.convert("RGBA"))
    return ground.convert("RGB")


def _colour(written: str) -> tuple[int, ...]:
    try:
        return ImageColor.getrgb(written)[:3]
    except ValueError:
        return _WHITE


def to_tensor(image: Image.Image) -> Tensor:
    """An RGB picture as (3, height, width) float32 in -1 … 1."""
    levels = torch.from_numpy(np.array(image, dtype=np.float32))
    return (levels / 255 * 2 - 1).permute(2, 0, 1).contiguous()
