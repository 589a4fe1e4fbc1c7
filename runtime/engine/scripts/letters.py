"""Fonts for legends: Pillow's own for Latin letters, one of the system's for what that has not."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
#: fonts with Chinese, Japanese and Korean letters, by the names that systems give their files
_WIDE_FONTS = (
    *("msyh.ttc", "msyh.ttf", "simhei.ttf", "simsun.ttc", "YuGothM.ttc", "malgun.ttf"),
    *("PingFang.ttc", "Hiragino Sans GB.ttc", "STHeiti Light.ttc", "Arial Unicode.ttf"),
    *("NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "NotoSansSC-Regular.otf", "SourceHanSansSC-Regular.otf"),
    *("wqy-microhei.ttc", "wqy-zenhei.ttc", "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf", "uming.ttc"),
)
#: what stands for a letter that no font here has
MISSING = "□"


def font_for(text: str, size: int) -> tuple[Font, str]:
    """A font of `size` pixels and what of `text` it can draw: letters that it has not become boxes."""
    own = _own_font(size)
    if not _missing(own, text):
        return own, text
    wide = _wide_font(size)
    fonts = [font for font in (wide, own) if font is not None]
    best = min(fonts, key=lambda font: len(_missing(font, text)))
    lost = _missing(best, text)
    box = "?" if _missing(best, MISSING) else MISSING
    return best, "".join(box if letter in lost else letter for letter in text)


def can_draw(text: str) -> bool:
    """Has some font here all its letters?"""
    return not _missing(_own_font(16), text) or not _missing(_wide_font(16) or _own_font(16), text)


@lru_cache(maxsize=16)
def _own_font(size: int) -> Font:
    return ImageFont.load_default(max(size, 6))


@lru_cache(maxsize=16)
def _wide_font(size: int) -> Font | None:
    path = _wide_file()
    return None if path is None else ImageFont.truetype(str(path), max(size, 6))


@lru_cache(maxsize=1)
def _wide_file() -> Path | None:
    places = {path.name: path for folder in _folders() for path in _files(folder)}
    for name in _WIDE_FONTS:
        if name in places:
            try:
                ImageFont.truetype(str(places[name]), 16)
            except OSError:
                continue
            return places[name]
    return None


def _folders() -> tuple[Path, ...]:
    if sys.platform == "win32":
        return (Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts",)
    if sys.platform == "darwin":
        return Path("/System/Library/Fonts"), Path("/Library/Fonts")
    return Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts"


def _files(folder: Path) -> Iterator[Path]:
    for place, _inner, names in os.walk(folder):
        yield from (Path(place, name) for name in names if name in _WIDE_FONTS)


def _missing(font: Font, text: str) -> set[str]:
    return {letter for letter in set(text) if not letter.isspace() and not _has(font, letter)}


@lru_cache(maxsize=4096)
def _has(font: Font, letter: str) -> bool:
    """A letter that looks like one that no font has is not there; a font of bitmaps has Latin-1 alone."""
    if not isinstance(font, ImageFont.FreeTypeFont):
        return ord(letter) < 256
    return ord(letter) < 128 or _drawn(font, letter) != _drawn(font, "\U0010fffe")


def _drawn(font: ImageFont.FreeTypeFont, letter: str) -> bytes:
    return bytes(font.getmask(letter))
