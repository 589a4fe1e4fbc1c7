"""Pictures in request bodies: base64, bare or as a data: address, into checked bytes of a file."""

from __future__ import annotations

import base64
import binascii
import io
import re
import threading
from collections.abc import Iterable

from runtime.limits import MOST_SENT_PIXELS, check_pictures
from runtime.request import RequestError

#: what is decoded at all: each further format is code that an attacker may reach
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
MOST_PIXELS = 64_000_000
#: so many are opened at once: each may take 256 MB for as long
_OPENED = threading.BoundedSemaphore(2)
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_DATA = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE)


def decode_picture(text: str, field: str) -> bytes:
    """The file's bytes; RequestError for an address, for what is no picture, and for one that is too large."""
    return decode_pictures([(field, text)])[0]


def decode_pictures(named: Iterable[tuple[str, str]], most: int = MOST_SENT_PIXELS) -> tuple[bytes, ...]:
    """The same of several, (field, base64); counted and measured together, `most` pixels, before any is opened."""
    found = [(field, _file(text, field)) for field, text in named]
    check_pictures([data for _, data in found], most)
    for field, data in found:
        check_picture(data, field)
    return tuple(data for _, data in found)


def _file(text: str, field: str) -> bytes:
    if _ADDRESS.match(text):
        raise RequestError(
            "image-address-refused",
            "Pictures are not fetched from addresses.",
            f"Send {field} as base64; this server asks no other host for what a request names.",
        )
    start = _DATA.match(text)
    try:
        return base64.b64decode(text[start.end() :] if start else text)
    except (binascii.Error, ValueError):
        raise _invalid(field) from None


def check_picture(data: bytes, field: str) -> None:
    """RequestError unless the bytes are a whole picture of at most MOST_PIXELS."""
    from PIL import Image, UnidentifiedImageError

    try:
        with _OPENED, Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                size = f"{field} is {picture.width} x {picture.height}."
                raise RequestError("image-too-large", size, f"At most {MOST_PIXELS // 10**6} megapixels are taken.")
            picture.load()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        raise _invalid(field) from None


def _invalid(field: str) -> RequestError:
    hint = f"{field} holds a PNG, JPEG, WebP, GIF or BMP file in base64."
    return RequestError("invalid-image", "Invalid encoded image", hint)
