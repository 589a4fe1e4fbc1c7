"""Colour correction of img2img: the start image's colours with the result's light.

Histogram matching in CIE L*a*b* (sRGB, D65), then the W3C's "luminosity" blend (Compositing and Blending Level 1).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float64]
_TO_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = _TO_XYZ.sum(axis=1)
_LIGHT = np.array([0.3, 0.59, 0.11])
_KINK = 216 / 24389
_SLOPE = 24389 / 27


def correct(image: Image.Image, like: Image.Image) -> Image.Image:
    """`image` with each L*a*b* channel spread as in `like`, and its own luminosity."""
    source, target = _to_lab(image), _to_lab(like)
    matched = np.stack([_match(source[..., k], target[..., k]) for k in range(3)], axis=-1)
    return _with_light_of(_from_lab(matched), np.asarray(image.convert("RGB"), dtype=np.float64) / 255)


def _match(values: Floats, like: Floats) -> Floats:
    """The values moved so that their distribution is that of `like`; 8-bit levels, so that equal colours stay equal."""
    levels, where, counts = np.unique(np.rint(values).ravel(), return_inverse=True, return_counts=True)
    wanted, wanted_counts = np.unique(np.rint(like).ravel(), return_counts=True)
    shares, wanted_shares = np.cumsum(counts) / values.size, np.cumsum(wanted_counts) / like.size
    del levels
    return np.asarray(np.interp(shares, wanted_shares, wanted)[where].reshape(values.shape))


def _to_lab(image: Image.Image) -> Floats:
    """(h, w, 3): L scaled to 0 … 255, a and b moved up by 128."""
    rgb = np.asarray(image.convert("RGB"), dtype=np.float64) / 255
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = linear @ _TO_XYZ.T / _WHITE
    f = np.where(xyz > _KINK, np.cbrt(xyz), (_SLOPE * xyz + 16) / 116)
    light = (116 * f[..., 1] - 16) * 255 / 100
    return np.stack([light, 500 * (f[..., 0] - f[..., 1]) + 128, 200 * (f[..., 1] - f[..., 2]) + 128], axis=-1)


def _from_lab(lab: Floats) -> Floats:
    """RGB in 0 … 1."""
    fy = (lab[..., 0] * 100 / 255 + 16) / 116
    f = np.stack([fy + (lab[..., 1] - 128) / 500, fy, fy - (lab[..., 2] - 128) / 200], axis=-1)
    xyz = np.where(f**3 > _KINK, f**3, (116 * f - 16) / _SLOPE) * _WHITE
    linear = (xyz @ np.linalg.inv(_TO_XYZ).T).clip(0, 1)
    return np.asarray(np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear))


def _with_light_of(colours: Floats, light: Floats) -> Image.Image:
    """The colours, shifted to the other's luminosity and pulled towards grey where they leave 0 … 1."""
    shifted = colours + ((light - colours) @ _LIGHT)[..., None]
    grey = (shifted @ _LIGHT)[..., None]
    low, high = shifted.min(axis=-1, keepdims=True), shifted.max(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        shifted = np.where(low < 0, grey + (shifted - grey) * grey / (grey - low), shifted)
        shifted = np.where(high > 1, grey + (shifted - grey) * (1 - grey) / (high - grey), shifted)
    return Image.fromarray(np.rint(np.nan_to_num(shifted).clip(0, 1) * 255).astype(np.uint8))
