"""What of a checkpoint lies on a device and when, decided from bytes alone.

The engine plans every run of a sampler by it, and the launcher shows the same plan before a start.
Standard library alone; sizes are in bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Mode = Literal["full", "medvram", "lowvram"]
#: from the fastest to the one that needs the least
MODES: tuple[Mode, ...] = ("full", "medvram", "lowvram")
#: heights of strips of latents that the autoencoder is tried with; None: the whole
STRIPS = (None, 16, 4, 1)
#: activations are counted so many times at least: libraries take something besides
SLACK = 1.1
#: bytes per second to a card, until it was measured: PCIe 3 with 16 lanes
BANDWIDTH = 12.5e9
#: places for what works and for what arrives
SLOTS = 2
#: families whose published VAE overflows in float16
OVERFLOWING = ("sdxl",)
_MIB = 1 << 20
#: of the correction
_MOST = 2.0
#: left alone where that is possible: bytes, and the share of the device's memory
_LEAST_RESERVE, _RESERVE = 256 * _MIB, 0.04
#: Windows moves what finds no room into the computer's memory instead of refusing it, which is many times as slow
_FOR_WINDOWS = 400 * _MIB
#: of very little memory no more than this part is left alone
_PARTS = 8


@dataclass(frozen=True)
class ModelBytes:
    """Of the weights of a model that can be brought block by block."""

    whole: int
    #: what belongs to no block and always stays, and the largest block
    loose: int
    piece: int


@dataclass(frozen=True)
class Needs:
    """Bytes of a checkpoint's weights, and of the activations of drawing one batch."""

    unet: ModelBytes
    vae: int
    #: all text models as one
    text: ModelBytes
    #: one call of the U-Net with all prompts in one batch, and with one prompt
    drawing: int
    drawing_apart: int
    reading: int
    #: of one picture by the rows of latents that are worked on at a time; None: all
    decoding: Callable[[int | None], int]
    #: what a captured step holds besides: copies of what it reads
    captured: int = 0


@dataclass(frozen=True)
class Ground:
    """What there is to plan with, and what was learnt on this device."""

    #: what models and activations can have together, and how much of that is better left alone
    free: int
    reserve: int
    #: what activations really took, through what was predicted
    correction: float = SLACK
    bytes_per_second: float = BANDWIDTH
    #: of one call of the U-Net for this picture, all weights on the device
    step_seconds: float | None = None

    @property
    def budget(self) -> int:
        return self.free - self.reserve


@dataclass(frozen=True)
class Wish:
    """What is asked for, and what the device can do."""

    #: where planning begins; where that does not fit it goes further down
    mode: Mode = "full"
    #: weights can travel to the device while it works
    streams: bool = True
    #: prompt and negative prompt are not planned one after the other
    together: bool = False


@dataclass(frozen=True)
class Reason:
    """`code` names a sentence, which whoever shows it has; bytes and counts are among `values`."""

    code: str
    values: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Way:
    """How a picture is drawn, and what that is predicted to take."""

    mode: Mode
    #: prompt and negative prompt one after the other
    apart: bool = False
    #: bytes of the U-Net's weights that stay, and of those that arrive at every step; None: all stay while it works
    resident: int | None = None
    streamed: int = 0
    #: the same of the text models, whose weights arrive with every prompt
    text_resident: int | None = None
    text_streamed: int = 0
    #: rows of latents that the autoencoder works on at a time; None: all
    rows: int | None = None
    #: weights and activations at their highest; the same while the U-Net works, and the weights among these; the same
    #: while the autoencoder makes pictures, what a captured step holds left out
    peak: int = 0
    drawing: int = 0
    weights: int = 0
    decoding: int = 0
    #: of a step; None where none was measured
    seconds: float | None = None
    #: how many times as long a step takes as with all weights on the device; None: not known
    slowdown: float | None = 1.0
    reasons: tuple[Reason, ...] = ()


def plan(wish: Wish, needs: Needs, ground: Ground) -> Way:
    """The fastest way whose predicted peak leaves the reserve alone; where there is none, the one that takes the least.

    A mode that is asked for is where the planner begins; where it does not fit, it goes further down.
    """
    tried: list[Way] = []
    for way in _ways(wish):
        tried.append(_filled(way, needs, ground, ground.budget))
        if tried[-1].peak <= ground.budget:
            return _reasoned(tried[-1], wish, needs, ground, [*tried])
    least_way = min(tried, key=lambda one: one.peak)
    return _reasoned(least_way, wish, needs, ground, tried)


def least(wish: Wish, needs: Needs, ground: Ground) -> int:
    """Bytes below which no way is predicted to do it."""
    return min(_filled(way, needs, ground, 0).peak for way in _ways(wish))


def least_of(mode: Mode, needs: Needs, ground: Ground, *, apart: bool = False) -> int:
    """Bytes from which this mode is taken: the VAE in the lowest strips, nothing resident that need not be."""
    return _filled(Way(mode, apart), needs, ground, 0).peak


def _ways(wish: Wish) -> Iterator[Way]:
    """From the fastest to the one that needs the least."""
    for mode in MODES[MODES.index(wish.mode) :] if wish.streams else ("full",):
        yield Way(mode)
    if not wish.together:
        yield Way("lowvram" if wish.streams else "full", apart=True)


def _filled(way: Way, needs: Needs, ground: Ground, budget: int) -> Way:
    """With strips and residents that suit the budget, and its prediction."""
    drawing = needs.drawing_apart if way.apart else needs.drawing
    # only what stays where it is can be captured
    drawn = round((drawing + (needs.captured if way.mode == "full" else 0)) * ground.correction)
    read = round(needs.reading * ground.correction)
    text, unet, vae = needs.text.whole, needs.unet.whole, needs.vae
    if way.mode == "full":
        text = unet = vae = text + unet + vae
    elif way.mode == "lowvram":
        unet, resident, streamed = _by_pieces(needs.unet, budget - drawn)
        way = replace(way, resident=resident, streamed=streamed)
        if text > budget - read:
            text, resident, streamed = _by_pieces(needs.text, budget - read)
            way = replace(way, text_resident=resident, text_streamed=streamed)
    rows, decoded = rows_for(needs.decoding, ground, budget - vae)
    peak = max(text + read, unet + drawn, vae + decoded)
    seconds, slowdown = _time(ground, way.streamed)
    way = replace(way, rows=rows, peak=peak, drawing=unet + drawn, weights=unet, decoding=vae + decoded)
    return replace(way, seconds=seconds, slowdown=slowdown)


def _by_pieces(model: ModelBytes, budget: int) -> tuple[int, int, int]:
    """Bytes on the device while the model works, and of its blocks those that stay and those that arrive each time."""
    least_held, blocks = model.loose + SLOTS * model.piece, model.whole - model.loose
    resident = max(0, min(budget - least_held, blocks))
    return least_held + resident, resident, blocks - resident


def rows_for(taking: Callable[[int | None], int], ground: Ground, budget: int) -> tuple[int | None, int]:
    """The tallest strips that fit, else the shortest, and the bytes that are taken with them; as `Needs.decoding`."""
    taken = 0
    for rows in STRIPS:
        taken = round(taking(rows) * ground.correction)
        if taken <= budget:
            return rows, taken
    return STRIPS[-1], taken


def _time(ground: Ground, streamed: int) -> tuple[float | None, float | None]:
    """Seconds of a step, and how many times as long it is as with all weights there: copies hide behind work."""
    if not streamed:
        return ground.step_seconds, 1.0
    if ground.step_seconds is None:
        return None, None
    slowdown = max(1.0, streamed / ground.bytes_per_second / ground.step_seconds)
    return ground.step_seconds * slowdown, slowdown


def _reasoned(way: Way, wish: Wish, needs: Needs, ground: Ground, tried: list[Way]) -> Way:
    """Why this way: what it takes, what the next faster one would, and what there is."""
    free: dict[str, int | str] = {"free": max(0, ground.budget)}
    found: list[Reason] = []
    if way.peak > ground.budget:
        found.append(Reason("nothing-fits", free | {"need": way.peak}))
    elif len(tried) == 1 and wish.mode != "full":
        found.append(Reason("asked-for", free | {"mode": wish.mode, "need": way.peak}))
    elif len(tried) == 1:
        found.append(Reason("fits", free | {"need": way.peak}))
    else:
        before = tried[tried.index(way) - 1]
        # what filled the budget tells nothing: the least of it would
        found.append(
            Reason("too-little-for", {"mode": before.mode, "need": least_of(before.mode, needs, ground)} | free)
        )
    if way.mode == "medvram":
        found.append(Reason("by-turns"))
    if way.resident is not None:
        found.append(Reason("streamed", {"resident": way.resident, "streamed": way.streamed}))
    if way.text_resident is not None:
        found.append(Reason("texts-streamed", {"resident": way.text_resident, "streamed": way.text_streamed}))
    if way.apart:
        found.append(Reason("apart"))
    if way.rows is not None:
        found.append(Reason("strips", {"rows": way.rows}))
    return replace(way, reasons=tuple(found))


def corrected(ratios: Iterable[float]) -> float:
    """What activations take, through what a trace says, by what the last jobs on this device really took.

    Never below `SLACK`, for what the autoencoder takes is not measured.
    """
    return min(max([SLACK, *ratios]), _MOST)


def reserve(free: int, total: int | None, windows: bool) -> int:
    """Bytes of what is free to leave alone, where `total` is the whole card."""
    return min(_wanted(total, windows), free // _PARTS)


def free_for(need: int, total: int | None, windows: bool) -> int:
    """Bytes that have to be free for `need` to fit beside the reserve."""
    return min(need + _wanted(total, windows), -(-need * _PARTS // (_PARTS - 1)))


def _wanted(total: int | None, windows: bool) -> int:
    return max(_LEAST_RESERVE, round((total or 0) * _RESERVE)) + (_FOR_WINDOWS if windows and total else 0)


def vae_width(family: str, width: int, bfloat16: bool) -> int:
    """Bytes of a number of the VAE in the end: what overflows in float16 goes on in bfloat16, else in float32."""
    overflows = width == 2 and family.startswith(OVERFLOWING) and not bfloat16
    return 4 if overflows else width
