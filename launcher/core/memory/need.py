"""What a picture is predicted to need, in bytes, for the rule by which the runtime plans (runtime/placement.py).

The engine traces its models when it draws; here are the numbers that such traces gave (launcher/data/memory.toml), so
that the plan is known before anything is loaded.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from launcher.core.facts import read_facts
from runtime.placement import ModelBytes, Needs

Mode = Literal["full", "medvram", "lowvram", "cpu"]
Device = Literal["cuda", "rocm", "xpu", "mps", "cpu"]
#: keys of the families in launcher/data/memory.toml
MODEL_FAMILIES = ("sd1", "sd2", "sdxl")
MIB = 1 << 20
_FILE = Path(__file__).parents[2] / "data" / "memory.toml"
#: rows of heads that attention in slices takes at a time (runtime/engine/attention.py), by AUTOMATIC1111's names
_SLICES = {"doggettx": 4, "invokeai": 4, "sub-quadratic": 4, "v1": 1}
#: of scores that are held at once: scores and probabilities
_MATRICES = 2
#: prompts that the numbers are of: the prompt and its negative
_PROMPTS = 2
#: bytes of the numbers that they are of: float16
_HALF = 2


@dataclass(frozen=True)
class FamilyNumbers:
    """Of a model family; bytes are float16's, a U-Net's for one picture with its negative prompt."""

    name: str
    #: side of the square it was trained on, in pixels
    native: int
    text_parameters: int
    #: what belongs to no block, and the largest block
    text_loose_parameters: int
    text_piece_parameters: int
    unet_parameters: int
    unet_loose_parameters: int
    unet_piece_parameters: int
    #: of all and of the largest block's, those that --fp8-storage keeps in eight bits
    unet_narrow_parameters: int
    unet_narrow_piece_parameters: int
    #: one evaluation: of any picture, and of each pixel
    unet_bytes: int
    unet_bytes_per_pixel: float
    #: of both prompts, held while steps are drawn
    texts_bytes: int
    #: of a prompt's way through the text models
    reading_bytes: int
    #: besides the matrices of scores, where attention keeps them
    scored_bytes_per_pixel: float
    #: pixels per row of such a matrix, where it is largest
    pixels_per_token: int
    #: such matrices of one picture with its negative prompt
    heads: int


@dataclass(frozen=True)
class StripNumbers:
    """Decoding in strips of so many rows of latents: bytes for each column of pixels, by the picture's height."""

    rows: int
    heights: tuple[int, ...]
    bytes_per_column: tuple[int, ...]

    def per_column(self, height: int) -> float:
        """Between two heights, and beyond the last, it is a line."""
        place = min(max(1, bisect_left(self.heights, height)), len(self.heights) - 1)
        low, high = self.heights[place - 1], self.heights[place]
        less, more = self.bytes_per_column[place - 1], self.bytes_per_column[place]
        return less + (more - less) * (height - low) / (high - low)


@dataclass(frozen=True)
class VaeNumbers:
    """Of the VAE that all families have; bytes are float16's."""

    parameters: int
    bytes_per_pixel: float
    strips: tuple[StripNumbers, ...]


@dataclass(frozen=True)
class DeviceNumbers:
    """What the runtime can do on a device."""

    modes: tuple[Mode, ...]
    #: of a number in the models
    bytes: int
    context_mib: int
    #: without which the runtime does not use it
    flags: tuple[str, ...] = ()
    #: of the computer's memory, what graphics in the processor may take
    shared: float = 1.0


@dataclass(frozen=True)
class Numbers:
    """launcher/data/memory.toml."""

    #: by operating system
    desktop_mib: dict[str, int]
    families: dict[str, FamilyNumbers]
    vae: VaeNumbers
    devices: dict[str, DeviceNumbers]


@dataclass(frozen=True)
class Picture:
    """What is to be drawn: pictures of a family's model, in pixels; `batch` at once."""

    family: str
    width: int
    height: int
    batch: int = 1

    @property
    def pixels(self) -> int:
        return self.width * self.height


@dataclass(frozen=True)
class Widths:
    """Bytes of a number in the U-Net, in the VAE and in the text models."""

    unet: int = 2
    vae: int = 2
    text: int = 2
    #: the U-Net's large weights lie in eight bits
    eight_bits: bool = False


@lru_cache(maxsize=1)
def read_numbers() -> Numbers:
    """The shipped numbers, read strictly."""
    return read_facts(_FILE, Numbers)


def needs_of(numbers: Numbers, picture: Picture, attention: str, widths: Widths, *, captures: bool = False) -> Needs:
    """`attention` by AUTOMATIC1111's names; `captures`: steps become CUDA graphs, which read copies of their own."""
    family = numbers.families[picture.family]
    unet, vae, text = widths.unet, widths.vae, widths.text
    held = family.texts_bytes * picture.batch * unet // _HALF
    return Needs(
        unet_bytes(family, widths),
        numbers.vae.parameters * vae,
        ModelBytes(
            family.text_parameters * text, family.text_loose_parameters * text, family.text_piece_parameters * text
        ),
        _drawing(family, picture, attention, unet, _PROMPTS) + held,
        _drawing(family, picture, attention, unet, 1) + held,
        family.reading_bytes * text // _HALF,
        lambda rows: _decoding(numbers.vae, picture, vae, rows),
        held if captures else 0,
    )


def unet_bytes(family: FamilyNumbers, widths: Widths) -> ModelBytes:
    """Of its weights."""
    less = widths.unet - 1 if widths.eight_bits else 0
    return ModelBytes(
        family.unet_parameters * widths.unet - family.unet_narrow_parameters * less,
        family.unet_loose_parameters * widths.unet,
        family.unet_piece_parameters * widths.unet - family.unet_narrow_piece_parameters * less,
    )


def _drawing(family: FamilyNumbers, picture: Picture, attention: str, width: int, prompts: int) -> int:
    """Bytes of one evaluation of the U-Net.

    torch's own attention and xFormers' keep no matrix of scores; in slices those of some heads are held, plain ("none")
    those of all.
    """
    # what all pictures and prompts take of what one picture with its negative prompt does
    share = picture.batch * prompts / _PROMPTS
    fused = (family.unet_bytes + family.unet_bytes_per_pixel * picture.pixels) * share
    rows = family.heads * share if attention == "none" else _SLICES.get(attention, 0)
    tokens = picture.pixels / family.pixels_per_token
    scored = family.scored_bytes_per_pixel * picture.pixels * share + _MATRICES * rows * tokens**2 * _HALF
    return round((max(fused, scored) if rows else fused) * width / _HALF)


def _decoding(vae: VaeNumbers, picture: Picture, width: int, rows: int | None) -> int:
    """Bytes of decoding one picture: pictures of a batch are decoded one by one."""
    if rows is None:
        return round(vae.bytes_per_pixel * picture.pixels * width / _HALF)
    strips = next(one for one in vae.strips if one.rows == rows)
    return round(strips.per_column(picture.height) * picture.width * width / _HALF)
