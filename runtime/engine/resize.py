"""A picture brought to a size: stretched, cropped, or filled up, as AUTOMATIC1111's resize modes have it."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

STRETCH, CROP, FILL, LATENT = range(4)
#: enlarges a picture to width and height by a model of its own
Enlarge = Callable[[Image.Image, int, int], Image.Image]
#: left, top, right, lower in pixels and parts of them
_Part = tuple[float, float, float, float]
#: of a picture on its way from one size to another
_MOST_PIXELS = 2**26


def resize(mode: int, image: Image.Image, width: int, height: int, enlarge: Enlarge | None = None) -> Image.Image:
    """`image` as width x height pixels.

    STRETCH ignores the ratio, CROP keeps it and cuts what stands out, FILL keeps it and continues the edges outwards.
    `enlarge` is asked where a colour picture has to grow; everything else is Lanczos's.
    """
    if mode in (STRETCH, LATENT):
        return _scale(image, width, height, enlarge)
    if mode == CROP:
        return _middle(image, width, height, enlarge).convert("RGB")
    inner_width, inner_height = _fit(image, width, height)
    scaled = _scale(image, inner_width, inner_height, enlarge)
    left, top = width // 2 - inner_width // 2, height // 2 - inner_height // 2
    whole = Image.new(image.mode, (width, height))
    whole.paste(scaled, (left, top))
    _continue_edges(whole, scaled, left, top)
    return whole


def holds(inner_width: int, inner_height: int, width: int, height: int) -> bool:
    """May a picture have the inner size in pixels on its way to width x height?"""
    return inner_width * inner_height <= max(_MOST_PIXELS, 4 * width * height)


def lanczos(image: Image.Image, width: int, height: int, part: _Part | None = None) -> Image.Image:
    """`image`, or a part of it, as width x height pixels; itself where that is its size."""
    if part is None and image.size == (width, height):
        return image
    left, top, right, lower = part or (0, 0, *image.size)
    if width * image.height > max(_MOST_PIXELS, image.width * height):
        # Pillow widens before it lowers: of a tall and narrow picture that would be far more than either size
        image = image.resize((image.width, height), Image.Resampling.LANCZOS, (0, top, image.width, lower))
        top, lower = 0, height
    return image.resize((width, height), Image.Resampling.LANCZOS, (left, top, right, lower))


def _scale(image: Image.Image, width: int, height: int, enlarge: Enlarge | None) -> Image.Image:
    if enlarge is not None and image.mode != "L" and (width > image.width or height > image.height):
        image = enlarge(image, width, height)
    return lanczos(image, width, height)


def _middle(image: Image.Image, width: int, height: int, enlarge: Enlarge | None) -> Image.Image:
    """The whole picture is scaled and cut, as in AUTOMATIC1111; one so long that it would be far larger is cut first.

    The pixels of both ways differ by the rounding of one level, here and there.
    """
    inner_width, inner_height = _cover(image, width, height)
    left, top = inner_width // 2 - width // 2, inner_height // 2 - height // 2
    if holds(inner_width, inner_height, width, height):
        return _scale(image, inner_width, inner_height, enlarge).crop((left, top, left + width, top + height))
    across, down = image.width / inner_width, image.height / inner_height
    return lanczos(image, width, height, (left * across, top * down, (left + width) * across, (top + height) * down))


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
