"""Where files carry their infotext: PNG text, EXIF comments of JPEG and WebP, GIF comments, NovelAI's own PNGs."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping
from typing import Any

from PIL import ExifTags, Image

from runtime.decoding import few_at_once
from runtime.infotext.writing import write_infotext
from runtime.limits import MOST_PIXELS

#: what Pillow tells of a file's form, not of its making
_TECHNICAL = frozenset(
    """jfif jfif_version jfif_unit jfif_density dpi exif loop background timestamp duration progressive progression
    icc_profile chromaticity photoshop extension version transparency gamma srgb interlace bbox adobe
    adobe_transform comment XML:com.adobe.xmp xmp mp mpoffset""".split()  # noqa: SIM905 - a list of words
)
_CHARSETS = {
    b"UNICODE\0": ("utf-16-be", "utf-16-le"),
    b"ASCII\0\0\0": ("ascii", "utf-8"),
    b"JIS\0\0\0\0\0": ("shift_jis",),
}
_NOVELAI = {
    "k_euler_ancestral": "Euler a",
    "k_euler": "Euler",
    "k_lms": "LMS",
    "k_heun": "Heun",
    "k_dpm_2": "DPM2",
    "k_dpm_2_ancestral": "DPM2 a",
    "k_dpmpp_2s_ancestral": "DPM++ 2S a",
    "k_dpmpp_2m": "DPM++ 2M",
    "k_dpmpp_sde": "DPM++ SDE",
    "k_dpm_fast": "DPM fast",
    "k_dpm_adaptive": "DPM adaptive",
    "ddim": "DDIM",
    "ddim_v3": "DDIM",
    "plms": "PLMS",
}


#: what Pillow raises at an Exif block that somebody has broken
BROKEN_EXIF = (
    OSError, ValueError, SyntaxError, LookupError, TypeError, AttributeError, EOFError, ArithmeticError, struct.error,
)  # fmt: skip


def read_infotext(data: bytes, formats: tuple[str, ...] | None = None) -> tuple[str, dict[str, str]]:
    """(infotext, the file's other text entries); "" where the picture says nothing. OSError if it is no picture.

    A picture of more than MOST_PIXELS is not decoded: of a PNG the texts before its pixels are told.
    """
    with few_at_once(), Image.open(io.BytesIO(data), formats=formats) as picture:
        if small := picture.width * picture.height <= MOST_PIXELS:
            picture.load()
        info: dict[str, Any] = {str(key): value for key, value in picture.info.items()}
        # Pillow decodes a PNG to look for Exif behind its pixels
        exif = exif_comment(picture) if small or picture.format != "PNG" or "exif" in info else ""
        animated = picture.format == "GIF"
        comment = info.get("comment")
    items = {key: _text(value) for key, value in info.items() if key not in _TECHNICAL and key != "parameters"}
    text = exif or _text(info.get("parameters", "")) or (_text(comment) if animated and comment else "")
    if exif:
        items["ExifComment"] = exif
    if info.get("Software") == "NovelAI":
        text = _novelai(info, picture.size) or text
    return text, items


def exif_comment(picture: Image.Image) -> str:
    """The user's comment; "" where there is none, or no Exif that can be read."""
    try:
        found = picture.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
    except BROKEN_EXIF:
        return ""
    return decode_comment(found) if isinstance(found, bytes) else str(found or "")


def encode_comment(text: str) -> bytes:
    """EXIF's UserComment: its charset by name, then the text in UTF-16, big end first."""
    return b"UNICODE\0" + text.encode("utf-16-be", "surrogatepass")


def decode_comment(found: bytes) -> str:
    """The text behind the charset's eight bytes; what says no charset, or is not in it, is tried as UTF-8."""
    body = found[8:] if found[:8] in _CHARSETS else found
    readings = [text for charset in _CHARSETS.get(found[:8], ()) if (text := _decoded(body, charset)) is not None]
    # UTF-16 of the wrong end is legal and nonsense: parameters are ASCII words
    best = max(readings, key=lambda text: sum(letter.isascii() for letter in text), default=None)
    return (body.decode("utf-8", "replace") if best is None else best).strip("\0")


def _decoded(data: bytes, charset: str) -> str | None:
    try:
        return data.decode(charset)
    except UnicodeDecodeError:
        return None


def _novelai(info: Mapping[str, Any], size: tuple[int, int]) -> str:
    """A NovelAI picture in our words; "" where its comment is not what NovelAI writes."""
    try:
        said = json.loads(info["Comment"])
        items = {
            "Steps": said["steps"],
            "Sampler": _NOVELAI.get(said["sampler"], "Euler a"),
            "CFG scale": said["scale"],
            "Seed": said["seed"],
            "Size": f"{size[0]}x{size[1]}",
            "Clip skip": 2,
            "ENSD": 31337,
        }
        return write_infotext(_text(info.get("Description", "")), str(said.get("uc", "")), items)
    except (KeyError, TypeError, ValueError):
        return ""


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
