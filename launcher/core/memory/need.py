"""How much memory a picture is predicted to need: weights, activations, the device's context and a margin.

The same count as the runtime's own planner (runtime/engine/memory): in full all models stay on the device, with
medvram the one that works, with lowvram of the U-Net only the block that works. Numbers: launcher/data/memory.toml.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from launcher.core.facts import read_facts

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


@dataclass(frozen=True)
class FamilyNumbers:
    """Of a model family; bytes per pixel are float16's, a U-Net's for one picture with its negative prompt."""

    name: str
    #: side of the square it was trained on, in pixels
    native: int
    text_parameters: int
    unet_parameters: int
    vae_parameters: int
    largest_block_parameters: int
    unet_bytes_per_pixel: float
    vae_bytes_per_pixel: float
    #: besides the matrices of scores, where attention keeps them
    scored_bytes_per_pixel: float
    #: pixels per row of such a matrix, where it is largest
    pixels_per_token: int
    #: such matrices of one picture with its negative prompt
    heads: int
    #: its VAE goes on in float32
    vae_overflows: bool


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

    #: lost to rounding and gaps, as a share
    slack: float
    #: for previews, networks and the libraries' workspaces
    reserve_mib: int
    #: by operating system
    desktop_mib: dict[str, int]
    families: dict[str, FamilyNumbers]
    devices: dict[str, DeviceNumbers]


@dataclass(frozen=True)
class Picture:
    """What is to be drawn: one picture of a family's model, in pixels."""

    family: str
    width: int
    height: int

    @property
    def pixels(self) -> int:
        return self.width * self.height


@dataclass(frozen=True)
class Widths:
    """Bytes of a number in the U-Net (and the text models) and in the VAE."""

    unet: int = 2
    vae: int = 2
    text: int = 2


@dataclass(frozen=True)
class Need:
    """Predicted MiB; `total` is what has to be free before the runtime starts."""

    weights: int
    activations: int
    #: of the device, and the margin
    besides: int
    total: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", self.weights + self.activations + self.besides)


@lru_cache(maxsize=1)
def read_numbers() -> Numbers:
    """The shipped numbers, read strictly."""
    return read_facts(_FILE, Numbers)


def need(numbers: Numbers, picture: Picture, mode: Mode, attention: str, device: Device, widths: Widths) -> Need:
    """The phase of a picture (text, U-Net, VAE) that takes the most: its weights on the device and its activations."""
    family = numbers.families[picture.family]
    text, unet = family.text_parameters * widths.text, family.unet_parameters * widths.unet
    block, vae_width = family.largest_block_parameters * widths.unet, 4 if family.vae_overflows else widths.vae
    vae, decoding = family.vae_parameters * vae_width, _decoding(family, picture, vae_width)
    drawing = _drawing(family, picture, attention, widths.unet)
    if mode == "medvram":
        phases = [(text, 0), (unet, drawing), (vae, decoding)]
    elif mode == "lowvram":
        phases = [(text, 0), (block, drawing), (vae, decoding)]
    else:
        phases = [(text + unet + vae, max(drawing, decoding))]
    weights, activations = max(phases, key=sum)
    margin = round((weights + activations) / MIB * numbers.slack) + numbers.reserve_mib
    context = numbers.devices[device].context_mib
    return Need(round(weights / MIB), round(activations / MIB), context + margin)


def _drawing(family: FamilyNumbers, picture: Picture, attention: str, width: int) -> float:
    """Bytes of one evaluation of the U-Net.

    torch's own attention and xFormers' keep no matrix of scores; in slices those of some heads are held, plain ("none")
    those of all.
    """
    rows = family.heads if attention == "none" else _SLICES.get(attention, 0)
    tokens = picture.pixels / family.pixels_per_token
    scores = _MATRICES * rows * tokens**2 * 2
    fused, beside = family.unet_bytes_per_pixel * picture.pixels, family.scored_bytes_per_pixel * picture.pixels
    return (max(fused, beside + scores) if rows else fused) * width / 2


def _decoding(family: FamilyNumbers, picture: Picture, width: int) -> float:
    """Bytes of decoding one picture: pictures of a batch are decoded one by one."""
    return family.vae_bytes_per_pixel * picture.pixels * width / 2


def largest_square(
    numbers: Numbers, family: str, free: int, mode: Mode, attention: str, device: Device, widths: Widths
) -> int | None:
    """Side in pixels, a multiple of 64, of the largest square picture that `free` MiB are predicted to hold."""
    sides = range(256, 8193, 64)
    fit = bisect_right(
        sides,
        free,
        key=lambda side: need(numbers, Picture(family, side, side), mode, attention, device, widths).total,
    )
    return sides[fit - 1] if fit else None
