"""Pictures and their bytes: pixels from the decoder, files read and written with the infotext inside."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

from PIL import Image, ImageOps, PngImagePlugin

from runtime.formats import PICTURES
from runtime.infotext.carriers import BROKEN_EXIF, encode_comment, exif_comment
from runtime.request import RequestError

if TYPE_CHECKING:
    from torch import Tensor

#: the settings' names of formats, and Pillow's
FORMATS: Mapping[str, str] = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP"}
#: the longest side that a format's numbers hold, in pixels
LONGEST_SIDE: Mapping[str, int] = {"PNG": 2**31 - 1, "JPEG": 65500, "WEBP": 16383}
#: a JPEG segment has 64 KiB; what remains of it for UTF-16 after Exif's own bytes
_MOST_LETTERS_OF_EXIF = 32_000
_EXIF, _USER_COMMENT = 0x8769, 0x9286


def to_image(decoded: Tensor) -> Image.Image:
    """(3, height, width) in -1 … 1 as a picture; fractions of a level are cut off, not rounded."""
    return Image.fromarray(to_levels(decoded).cpu().numpy())


def to_levels(decoded: Tensor) -> Tensor:
    """(3, height, width) in -1 … 1 as bytes (height, width, 3), on its device."""
    return (((decoded.float() + 1) / 2).clamp(0, 1) * 255).byte().permute(1, 2, 0)


def read_image(data: bytes) -> Image.Image:
    """A file's picture, turned as its Exif says; RGB, or RGBA where something is transparent. Texts stay in `.info`."""
    try:
        image = Image.open(io.BytesIO(data), formats=PICTURES)
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as unreadable:
        hint = "Send a whole PNG, JPEG or WebP file of at most 178 million pixels."
        raise RequestError("image-unreadable", f"Invalid encoded image ({unreadable}).", hint) from unreadable
    upright = _upright(image)
    mode = "RGBA" if upright.has_transparency_data else "RGB"
    texts = {**getattr(image, "text", {})}
    if comment := exif_comment(image):
        texts["parameters"] = comment
    read = _deep_to_levels(upright).convert(mode)
    read.info = {**read.info, **texts}
    read.info.pop("transparency", None)
    return read


def _upright(image: Image.Image) -> Image.Image:
    """As it is where its Exif cannot be read."""
    try:
        return ImageOps.exif_transpose(image)
    except BROKEN_EXIF:
        return image


def _deep_to_levels(image: Image.Image) -> Image.Image:
    """16-bit greys as 8-bit ones: Pillow's own conversion would cut them off at 255."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda level: level / 257).convert("L")
    return image


def texts_of(image: Image.Image) -> dict[str, str]:
    """The texts that `read_image` found: a PNG's chunks, the comment of a JPEG or WebP as `parameters`."""
    return {key: value for key, value in image.info.items() if isinstance(key, str) and isinstance(value, str)}


def encode(
    image: Image.Image,
    file_format: str = "png",
    texts: Mapping[str, str] | None = None,
    *,
    quality: int = 80,
    lossless: bool = False,
) -> bytes:
    """A file's bytes. `texts` become PNG chunks (tEXt if Latin-1 has the letters, else iTXt); elsewhere the text
    under `parameters` becomes Exif's comment, as far as it has room. A picture too large for its format is a PNG.

    RequestError `format-unknown` for any `file_format` but png, jpg, jpeg and webp.
    """
    kind = check_format(file_format)
    if max(image.size) > LONGEST_SIDE[kind]:
        kind = "PNG"
    buffer = io.BytesIO()
    # Pillow keeps what a picture was first saved with, and would write it into this file too
    image = image.copy()
    if kind == "PNG":
        image.save(buffer, kind, pnginfo=_chunks(texts or {}))
        return buffer.getvalue()
    wanted = image.convert("RGB") if kind == "JPEG" or image.mode not in ("RGB", "RGBA") else image
    exif = _exif((texts or {}).get("parameters", ""))
    wanted.save(buffer, kind, quality=quality, lossless=lossless and kind == "WEBP", exif=exif)
    return buffer.getvalue()


def check_format(file_format: str) -> str:
    """Pillow's name of a format of the settings; RequestError `format-unknown`."""
    found = FORMATS.get(file_format.strip().lower().removeprefix("."))
    if found is None:
        message = f"Pictures cannot be written as {file_format!r}."
        raise RequestError("format-unknown", message, "Set samples_format to png, jpg, jpeg or webp.")
    return found


def holds(file_format: str, infotext: str) -> bool:
    """Has a file of this format room for the whole infotext?"""
    return FORMATS.get(file_format) == "PNG" or len(infotext.encode("utf-16-be")) // 2 <= _MOST_LETTERS_OF_EXIF


def _chunks(texts: Mapping[str, str]) -> PngImagePlugin.PngInfo:
    chunks = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        if text:
            chunks.add_text(key, text)
    return chunks


def _exif(infotext: str) -> bytes:
    if not infotext:
        return b""
    room = infotext.encode("utf-16-be", "replace")[: 2 * _MOST_LETTERS_OF_EXIF].decode("utf-16-be", "ignore")
    exif = Image.Exif()
    exif.get_ifd(_EXIF)[_USER_COMMENT] = encode_comment(room)
    return exif.tobytes()


def to_png(image: Image.Image, infotext: str = "") -> bytes:
    """PNG bytes with the infotext under `parameters`."""
    return encode(image, "png", {"parameters": infotext})
