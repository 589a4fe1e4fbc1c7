"""Pictures in request bodies: base64, bare or as a data: address, into checked bytes of a file."""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from runtime.decoding import few_at_once
from runtime.limits import MOST_PIXELS, MOST_SENT_PIXELS, check_pictures
from runtime.request import RequestError

#: what is decoded at all: each further format is code that an attacker may reach
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
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


def infotext_of(text: str, field: str) -> tuple[str, dict[str, str]]:
    """(infotext, the other text entries) of a picture, which is decoded once; refused as by `decode_picture`."""
    from runtime.infotext.carriers import read_infotext

    data = _file(text, field)
    check_pictures([data])
    with _whole(field):
        return read_infotext(data, FORMATS)


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
    """RequestError unless the bytes are a whole picture of at most MOST_PIXELS, as large as any that is drawn."""
    from PIL import Image

    with _whole(field), few_at_once(), Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            size = f"{field} is {picture.width} x {picture.height}."
            raise RequestError("image-too-large", size, f"At most {MOST_PIXELS // 10**6} megapixels are taken.")
        picture.load()


@contextmanager
def _whole(field: str) -> Iterator[None]:
    """What Pillow raises at a file that is none, or is broken, is the caller's fault."""
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        raise _invalid(field) from None


def _invalid(field: str) -> RequestError:
    hint = f"{field} holds a PNG, JPEG, WebP, GIF or BMP file in base64."
    return RequestError("invalid-image", "Invalid encoded image", hint)
