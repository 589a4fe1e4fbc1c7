"""A picture brought to a size: stretched, cropped, or filled up, as AUTOMATIC1111's resize modes have it."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

STRETCH, CROP, FILL, LATENT = range(4)
#: enlarges a picture to width and height by a model of its own
Enlarge = Callable[[Image.Image, int, int], Image.Image]


def resize(mode: int, image: Image.Image, width: int, height: int, enlarge: Enlarge | None = None) -> Image.Image:
    """`image` as width x height pixels.

    STRETCH ignores the ratio, CROP keeps it and cuts what stands out, FILL keeps it and continues the edges outwards.
    `enlarge` is asked where a colour picture has to grow; everything else is Lanczos's.
    """
    if mode in (STRETCH, LATENT):
        return _scale(image, width, height, enlarge)
    inner_width, inner_height = _cover(image, width, height) if mode == CROP else _fit(image, width, height)
    scaled = _scale(image, inner_width, inner_height, enlarge)
    left, top = width // 2 - inner_width // 2, height // 2 - inner_height // 2
    whole = Image.new(image.mode if mode == FILL else "RGB", (width, height))
    whole.paste(scaled, (left, top))
    if mode == FILL:
        _continue_edges(whole, scaled, left, top)
    return whole


def _scale(image: Image.Image, width: int, height: int, enlarge: Enlarge | None) -> Image.Image:
    if image.size == (width, height):
        return image
    if enlarge is not None and image.mode != "L" and (width > image.width or height > image.height):
        image = enlarge(image, width, height)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _cover(image: Image.Image, width: int, height: int) -> tuple[int, int]:
    """The smallest size of this ratio that leaves nothing of width x height bare."""
    if width / height > image.width / image.height:
        return width, image.height * width // image.width
    return image.width * height // image.height, height


def _fit(image: Image.Image, width: int, height: int) -> tuple[int, int]:
    """The largest size of this ratio inside width x height; no side vanishes."""
    if width / height < image.width / image.height:
        return width, max(image.height * width // image.width, 1)
    return max(image.width * height // image.height, 1), height


def _continue_edges(whole: Image.Image, scaled: Image.Image, left: int, top: int) -> None:
    """Paint the bare bands beside `scaled` with its outermost rows or columns."""
    width, height = whole.size
    right, bottom = left + scaled.width, top + scaled.height
    if top > 0 or bottom < height:
        first, last = scaled.crop((0, 0, scaled.width, 1)), scaled.crop((0, scaled.height - 1, *scaled.size))
        whole.paste(first.resize((scaled.width, max(top, 1))), (left, 0)) if top else None
        whole.paste(last.resize((scaled.width, max(height - bottom, 1))), (left, bottom)) if bottom < height else None
    if left > 0 or right < width:
        first, last = scaled.crop((0, 0, 1, scaled.height)), scaled.crop((scaled.width - 1, 0, *scaled.size))
        whole.paste(first.resize((max(left, 1), scaled.height)), (0, top)) if left else None
        whole.paste(last.resize((max(width - right, 1), scaled.height)), (right, top)) if right < width else None
