"""The upscaling models that lie in their folders, by the names that AUTOMATIC1111's users know; nothing is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.request import RequestError
from runtime.shelf import Shelf

ENDINGS = (".pth", ".pt", ".safetensors")
#: what AUTOMATIC1111 calls the files that Real-ESRGAN's authors publish
REAL_ESRGAN_NAMES: Mapping[str, str] = {
    "realesr-general-x4v3": "R-ESRGAN General 4xV3",
    "realesr-general-wdn-x4v3": "R-ESRGAN General WDN 4xV3",
    "realesr-animevideov3": "R-ESRGAN AnimeVideo",
    "RealESRGAN_x4plus": "R-ESRGAN 4x+",
    "RealESRGAN_x4plus_anime_6B": "R-ESRGAN 4x+ Anime6B",
    "RealESRGAN_x2plus": "R-ESRGAN 2x+",
}
_SCALES = {"R-ESRGAN 2x+": 2}


@dataclass(frozen=True)
class Upscaler:
    """One that can be chosen; `path` is None for the three that are arithmetic alone."""

    name: str
    path: Path | None = None
    #: ESRGAN, RealESRGAN, SwinIR …: the folder that it lies in
    kind: str | None = None
    #: as AUTOMATIC1111 tells it, which says 4 of most; what a file really does is read when it is used
    scale: int = 4


#: always there, and first in every list
ARITHMETIC = (Upscaler("None"), Upscaler("Lanczos"), Upscaler("Nearest"))


def upscalers(folders: Mapping[str, tuple[Path, ...]]) -> tuple[Upscaler, ...]:
    """All of them; `folders` is kind -> folders. Of two of one name the first found counts."""
    found: dict[str, Upscaler] = {}
    for kind, places in folders.items():
        for file in Shelf(places, ENDINGS).files():
            name = REAL_ESRGAN_NAMES.get(file.stem, file.stem)
            found.setdefault(name, Upscaler(name, file.path, kind, _SCALES.get(name, 4)))
    return (*ARITHMETIC, *sorted(found.values(), key=lambda upscaler: upscaler.name.lower()))


def find_upscaler(name: str | None, folders: Mapping[str, tuple[Path, ...]]) -> Upscaler:
    """By its name or its file's, in any letter case; None and "" are "None". RequestError `upscaler-unknown`."""
    wanted = (name or "None").strip().casefold()
    there = upscalers(folders)
    for place in range(3):
        for upscaler in there:
            if _spellings(upscaler)[place].casefold() == wanted:
                return upscaler
    published = next((stem for stem, known in REAL_ESRGAN_NAMES.items() if known.casefold() == wanted), None)
    where = f"Put {published}.pth into models/RealESRGAN" if published else "Put its file into models/ESRGAN"
    names = ", ".join(upscaler.name for upscaler in there)
    raise RequestError("upscaler-unknown", f"There is no upscaler {name!r}.", f"{where}, or choose one of: {names}.")


def _spellings(upscaler: Upscaler) -> tuple[str, str, str]:
    path = upscaler.path
    return (upscaler.name, path.stem, path.name) if path else (upscaler.name, "", "")
