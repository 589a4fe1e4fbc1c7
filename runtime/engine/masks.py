"""Masks of inpainting: what is redrawn (white), how soft its rim is, which region is looked at, what lies under it.

Every mask is a picture of mode "L". The rules are AUTOMATIC1111's (kernel, paddings, order), so that the same mask
gives the same picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter, ImageOps
from scipy.ndimage import correlate1d

#: left, upper, right, lower in pixels
Box = tuple[int, int, int, int]
#: radius of each blur that lies under the mask, and how often it is laid on, the widest first
_FILL_LAYERS = ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1))


def read_mask(image: Image.Image, round_alpha: bool = True) -> Image.Image:
    """The mask in a picture: its alpha where it has transparent places, else its brightness."""
    if "A" in image.getbands():
        alpha = image.convert("RGBA").getchannel("A")
        if alpha.getextrema() != (255, 255):
            return alpha.point(lambda level: 255 if level > 128 else 0) if round_alpha else alpha
    return image.convert("RGB").convert("L") if image.mode not in ("L", "RGB") else image.convert("L")


def blur(mask: Image.Image, sigma_x: float, sigma_y: float) -> Image.Image:
    """Gaussian of 2 * int(2.5 sigma + 0.5) + 1 taps along each axis, mirrored at the rim."""
    levels = np.asarray(mask, dtype=np.float64)
    for sigma, axis in ((sigma_x, 1), (sigma_y, 0)):
        if sigma > 0:
            levels = np.rint(correlate1d(levels, _gaussian(sigma), axis=axis, mode="mirror"))
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


def _gaussian(sigma: float) -> npt.NDArray[np.float64]:
    reach = int(2.5 * sigma + 0.5)
    taps = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    return np.asarray(taps / taps.sum())


def region(mask: Image.Image, padding: int, width: int, height: int) -> Box | None:
    """The masked part and `padding` pixels around it, grown to the ratio width : height; None if nothing is masked."""
    found = mask.getbbox()
    if found is None:
        return None
    left, top = max(found[0] - padding, 0), max(found[1] - padding, 0)
    right, bottom = min(found[2] + padding, mask.width), min(found[3] + padding, mask.height)
    # the order of these operations decides a pixel: the ratio is rounded first, the difference cut off last
    ratio = width / height
    if (right - left) / (bottom - top) > ratio:
        top, bottom = _grow(top, bottom, int((right - left) / ratio - (bottom - top)), mask.height)
    else:
        left, right = _grow(left, right, int((bottom - top) * ratio - (right - left)), mask.width)
    return left, top, right, bottom


def _grow(low: int, high: int, more: int, limit: int) -> tuple[int, int]:
    """The interval with `more` on both sides together, moved back inside 0 … limit, cut where it still stands out."""
    low, high = low - more // 2, high + more - more // 2
    if high >= limit:
        low, high = low - (high - limit), limit
    if low < 0:
        low, high = 0, high - low
    return low, min(high, limit)


def fill_under(image: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture with what is masked painted over by the colours around it, ever finer blurs over wider ones."""
    kept = Image.new("RGBa", image.size)
    kept.paste(image.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask))
    painted = Image.new("RGBA", image.size)
    for radius, times in _FILL_LAYERS:
        layer = kept.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _ in range(times):
            painted.alpha_composite(layer)
    return painted.convert("RGB")


def kept_pixels(image: Image.Image, mask: Image.Image) -> Image.Image:
    """RGBA: the picture with its masked places transparent, to be laid over the result."""
    kept = Image.new("RGBa", image.size)
    kept.paste(image.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask))
    return kept.convert("RGBA")


def stronger(mask: Image.Image) -> Image.Image:
    """Twice the level: of a whole picture only the outer half of the soft rim is mixed."""
    return mask.point(lambda level: min(2 * level, 255))


def latent_mask(mask: Image.Image, width: int, height: int, rounded: bool) -> npt.NDArray[np.float32]:
    """(height, width) in latent cells: 1 is redrawn, 0 kept."""
    small = mask.convert("RGB").resize((width, height)).getchannel(0)
    shares: npt.NDArray[Any] = np.asarray(small, dtype=np.float32) / 255
    return np.around(shares) if rounded else shares


def lay_over(picture: Image.Image, kept: Image.Image, box: Box | None) -> Image.Image:
    """RGB: the drawn picture, put back into its region, under the pixels that were to be kept."""
    from runtime.engine.resize import CROP, resize

    under = Image.new("RGBA", kept.size)
    if box is None:
        under.paste(picture, (0, 0))
    else:
        under.paste(resize(CROP, picture, box[2] - box[0], box[3] - box[1]), box[:2])
    under.alpha_composite(kept)
    return under.convert("RGB")
