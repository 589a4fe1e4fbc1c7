"""Pictures as files: pixels, PNG with infotext inside, names and folders as AUTOMATIC1111 gives them."""

from __future__ import annotations

import io
import re
from datetime import date
from pathlib import Path

import torch
from PIL import Image, PngImagePlugin
from torch import Tensor

from runtime.request import RequestError

_COUNTER = re.compile(r"(\d+)-?")


def to_image(decoded: Tensor) -> Image.Image:
    """(3, height, width) in -1 … 1 as a picture; fractions of a level are cut off, not rounded."""
    levels = ((decoded.float() + 1) / 2).clamp(0, 1) * 255
    return Image.fromarray(levels.to(torch.uint8).permute(1, 2, 0).cpu().numpy())


def to_png(image: Image.Image, infotext: str = "") -> bytes:
    """PNG bytes; `infotext` lies under `parameters`: tEXt if Latin-1 has its letters, else iTXt."""
    chunks = PngImagePlugin.PngInfo()
    if infotext:
        chunks.add_text("parameters", infotext)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


def save_png(png: bytes, folder: Path, seed: int, day: date) -> Path:
    """Write `folder`/DAY/NUMBER-SEED.png whole or not at all; RequestError `cannot-save` says why not."""
    dated = folder / day.isoformat()
    try:
        dated.mkdir(parents=True, exist_ok=True)
        target = dated / f"{next_number(dated):05}-{seed}.png"
        beside = target.with_suffix(".tmp")
        try:
            beside.write_bytes(png)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as refused:
        raise RequestError(
            "cannot-save",
            f"The picture could not be written to {dated}: {refused.strerror or refused}.",
            "Make room on the disk or choose another folder; the picture itself was made.",
        ) from refused
    return target


def next_number(folder: Path) -> int:
    """One more than the largest number that a file name in `folder` begins with; 0 for an empty folder."""
    numbers = (_COUNTER.match(entry.name) for entry in folder.iterdir())
    return max((int(found[1]) for found in numbers if found), default=-1) + 1
