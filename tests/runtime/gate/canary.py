"""A file outside with bytes that must never be seen, and where they are looked for."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path

from PIL import Image, PngImagePlugin

CANARY = b"canary-6f1d0c9be2a74d55"
#: as base64 would carry them, at each of its three places
_CODED = tuple(base64.b64encode(b"\0" * shift + CANARY)[4 * (shift > 0) : -4] for shift in range(3))


def write_secret(folder: Path) -> Path:
    """A picture whose infotext, and whose last bytes, are the canary's."""
    folder.mkdir(parents=True)
    told = PngImagePlugin.PngInfo()
    told.add_text("parameters", f"{CANARY.decode()}\nSteps: 1, Size: 73x91, Seed: 1")
    file = io.BytesIO()
    Image.new("RGB", (73, 91), (1, 2, 3)).save(file, "PNG", pnginfo=told)
    secret = folder / "secret.png"
    secret.write_bytes(file.getvalue() + CANARY)
    (folder / "secret.txt").write_bytes(CANARY)
    return secret


def shows(data: bytes) -> bool:
    """Are the canary's bytes in it, plain, in base64, or as the picture's size?"""
    return CANARY in data or b"73x91" in data or any(coded in data for coded in _CODED)


def copies(folder: Path) -> list[Path]:
    """Files below that hold the canary; links are not followed."""
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            file = Path(place, name)
            if not file.is_symlink() and shows(file.read_bytes()):
                found.append(file)
    return found
