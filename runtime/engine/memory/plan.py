"""Which device and precision each model gets, what of them lies there when, and what that is predicted to take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import torch

from runtime.engine.attention import Attention, choose
from runtime.engine.memory.hardware import Hardware, Room
from runtime.engine.memory.needs import Needs
from runtime.engine.memory.settings import Settings
from runtime.engine.precision import Precision

Mode = Literal["full", "medvram", "lowvram"]
MODES: tuple[Mode, ...] = ("full", "medvram", "lowvram")
#: heights of strips of latents that the autoencoder is tried with; None: the whole
STRIPS = (None, 16, 4, 1)
#: activations are counted so many times at least: libraries take something besides
SLACK = 1.1
#: bytes per second to a card, until it was measured: PCIe 3 with 16 lanes
BANDWIDTH = 12.5e9
#: compute capability from which the step is captured
_GRAPHS = (7, 0)
#: places for what works and for what arrives
SLOTS = 2


@dataclass(frozen=True)
class Prediction:
    """What a job is predicted to take on the device."""

    #: weights that lie there and activations, at their highest
    peak_bytes: int = 0
    #: the same while the U-Net works, and the weights among them
    drawing_bytes: int = 0
    weights_bytes: int = 0
    #: of one evaluation of the U-Net; None where none was measured yet
    step_seconds: float | None = None
    #: how many times as long a step takes as with all weights on the device; None: not known yet
    slowdown: float | None = 1.0
    #: for people: why it is done this way
    reason: str = ""


@dataclass(frozen=True)
class Policy:
    """How a job is drawn; the store and the loop obey it."""

    device: str
    precision: Precision
    #: `full`: all models stay on the device; `medvram`: the one that works; `lowvram`: of the U-Net its `resident`
    #: bytes, and what else of it works
    mode: Mode = "full"
    #: bytes of the U-Net's weights that stay on the device; None: all of them
    resident: int | None = None
    attention: Attention = field(default_factory=Attention)
    #: rows of latents that the autoencoder works on at a time; None: all
    vae_rows: int | None = None
    #: the prompt and its negative in one batch; None: as the job's options say
    batch_cond_uncond: bool | None = None
    channels_last: bool = False
    #: capture the step as a CUDA graph
    graphs: bool = False
    #: look whether U-Net and VAE give numbers
    check_numbers: bool = True
    predicted: Prediction = field(default_factory=Prediction)


def place(settings: Settings, hardware: Hardware, family: str = "sd1") -> Policy:
    """What the flags and the devices alone decide; how much memory there is is not looked at.

    Never run on Apple's MPS or Intel's XPU, so those stay in float32.
    """
    on_cpu = bool({"all", "sd"} & {name.lower() for name in settings.use_cpu})
    cuda = hardware.cuda and not on_cpu
    attention = choose(settings.attention, cuda)
    plan = Policy("cpu", Precision(), attention=attention, check_numbers=settings.check_numbers)
    plan = replace(plan, channels_last=settings.channels_last)
    if cuda:
        return replace(_on_cuda(settings, plan, family), graphs=(hardware.capability or (0, 0)) >= _GRAPHS)
    if hardware.xpu and settings.use_ipex and not on_cpu:
        return replace(plan, device="xpu")
    if hardware.mps and not on_cpu:
        return replace(plan, device="mps")
    # the U-Net alone is worth it: text and decoding are short, and eight bits of mantissa show in flat colours
    small = hardware.native_bfloat16 and not _full_precision(settings)
    # on a CPU channels-last decodes pictures almost twice as fast
    return replace(plan, precision=Precision(unet=torch.bfloat16 if small else torch.float32), channels_last=True)


def _full_precision(settings: Settings) -> bool:
    return settings.no_half or settings.precision == "full"


def _on_cuda(settings: Settings, plan: Policy, family: str) -> Policy:
    half = torch.float32 if _full_precision(settings) else torch.float16
    vae = torch.float32 if settings.no_half_vae else half
    device = f"cuda:{settings.device_id}" if settings.device_id else "cuda"
    asked = mode_asked_for(settings, family)
    return replace(plan, device=device, precision=Precision(unet=half, vae=vae, text=half), mode=asked)


def mode_asked_for(settings: Settings, family: str) -> Mode:
    """By the flags; `full` where none asks."""
    if settings.lowvram:
        return "lowvram"
    by_turns = settings.medvram or (settings.medvram_sdxl and family.startswith("sdxl"))
    return "medvram" if by_turns else "full"


@dataclass(frozen=True)
class Ground:
    """What there is to plan with, and what was learnt on this device."""

    room: Room
    #: what activations really took, through what was predicted
    correction: float = SLACK
    bytes_per_second: float = BANDWIDTH
    #: of one call of the U-Net for this picture, all weights on the device
    step_seconds: float | None = None


def plan_job(placed: Policy, settings: Settings, needs: Needs, ground: Ground) -> Policy:
    """The fastest way whose predicted peak leaves the reserve alone; where there is none, the one that takes the least.

    A mode that is asked for is where the planner begins; where it does not fit, it goes further down.
    """
    budget = ground.room.free - ground.room.reserve
    tried = []
    for way in _ways(placed, settings):
        tried.append(_filled(way, needs, ground, budget))
        if tried[-1].predicted.peak_bytes <= budget:
            return tried[-1]
    return min(tried, key=lambda policy: policy.predicted.peak_bytes)


def least(placed: Policy, settings: Settings, needs: Needs, ground: Ground) -> int:
    """Bytes below which no way is predicted to do it."""
    return min(_filled(way, needs, ground, 0).predicted.peak_bytes for way in _ways(placed, settings))


def _ways(placed: Policy, settings: Settings) -> Iterator[Policy]:
    """From the fastest to the one that needs the least."""
    streams = placed.device.startswith("cuda")
    for mode in MODES[MODES.index(placed.mode) :] if streams else ("full",):
        yield replace(placed, mode=mode)
    if not settings.always_batch_cond_uncond:
        yield replace(placed, mode="lowvram" if streams else "full", batch_cond_uncond=False)


def _filled(way: Policy, needs: Needs, ground: Ground, budget: int) -> Policy:
    """The policy with strips and residents that suit the budget, and its prediction."""
    drawing = needs.drawing if way.batch_cond_uncond is not False else needs.drawing_apart
    all_weights = needs.text + needs.unet + needs.vae
    held = {"text": all_weights, "unet": all_weights, "vae": all_weights}
    if way.mode != "full":
        held = {"text": needs.text, "unet": needs.unet, "vae": needs.vae}
    resident = None
    drawn = round(drawing * ground.correction)
    if way.mode == "lowvram":
        least_held = needs.loose + SLOTS * needs.piece
        resident = max(0, min(budget - least_held - drawn, needs.unet - needs.loose))
        held["unet"] = least_held + resident
    rows, decoded = _rows(needs, ground, budget - held["vae"])
    peak = max(held["text"] + round(needs.reading * ground.correction), held["unet"] + drawn, held["vae"] + decoded)
    streamed = 0 if resident is None else needs.unet - needs.loose - resident
    seconds, slowdown = _time(ground, streamed)
    predicted = Prediction(peak, held["unet"] + drawn, held["unet"], seconds, slowdown)
    return replace(way, resident=resident, vae_rows=rows, predicted=predicted)


def _rows(needs: Needs, ground: Ground, budget: int) -> tuple[int | None, int]:
    """The tallest strips that fit, else the shortest, and the bytes that decoding takes with them."""
    taken = 0
    for rows in STRIPS:
        taken = round(needs.decoding(rows) * ground.correction)
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
