"""Pictures as pixels: read from files, turned into tensors and back."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image, ImageColor, ImageOps
from torch import Tensor

from runtime.request import RequestError

#: a start image or mask of more pixels than this is refused before it is decoded
MOST_PIXELS = 1 << 27


def read_image(data: bytes, what: str = "The start image") -> Image.Image:
    """A file of any format of Pillow's, turned as its EXIF says; RequestError `image-unreadable` if it is none."""
    try:
        image = Image.open(io.BytesIO(data))
        if image.width * image.height > MOST_PIXELS:
            sides = f"{image.width}x{image.height}"
            raise RequestError("image-too-large", f"{what} has {sides} pixels.", f"At most {MOST_PIXELS} are taken.")
        image.load()
        turned = ImageOps.exif_transpose(image)
    except RequestError:
        raise
    except Exception as broken:  # Pillow's readers raise nearly anything on broken files
        raise RequestError("image-unreadable", "Invalid encoded image", f"{what} is no picture: {broken}.") from broken
    if "transparency" in turned.info:
        return turned.convert("RGBA")
    return turned


def flatten(image: Image.Image, background: str) -> Image.Image:
    """RGB; what is transparent shows the background (#rrggbb, white if that is no colour)."""
    if "A" not in image.getbands():
        return image.convert("RGB")
    try:
        ground = Image.new("RGBA", image.size, ImageColor.getrgb(background))
    except ValueError:
        ground = Image.new("RGBA", image.size, "#ffffff")
    ground.alpha_composite(image.convert("RGBA"))
    return ground.convert("RGB")


def to_image(decoded: Tensor) -> Image.Image:
    """(3, height, width) in -1 … 1 as a picture; fractions of a level are cut off, not rounded."""
    levels = ((decoded.float() + 1) / 2).clamp(0, 1) * 255
    return Image.fromarray(levels.to(torch.uint8).permute(1, 2, 0).cpu().numpy())


def to_tensor(image: Image.Image) -> Tensor:
    """An RGB picture as (3, height, width) float32 in -1 … 1."""
    levels = torch.from_numpy(np.array(image, dtype=np.float32))
    return (levels / 255 * 2 - 1).permute(2, 0, 1).contiguous()
