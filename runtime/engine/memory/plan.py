"""Which device and precision each model gets, what of them lies there when, and what that is predicted to take."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch

from runtime import placement
from runtime.engine.attention import Attention, choose
from runtime.engine.memory.hardware import Hardware, card_of
from runtime.engine.memory.reasons import said
from runtime.engine.memory.settings import Settings
from runtime.engine.precision import Precision
from runtime.placement import Ground, Mode, Needs, Reason, Wish
from runtime.request import RequestError

#: compute capability from which the step is captured
_GRAPHS = (7, 0)


@dataclass(frozen=True)
class Prediction:
    """What a job is predicted to take on the device."""

    #: weights that lie there and activations, at their highest
    peak_bytes: int = 0
    #: the same while the U-Net works, and the weights among them
    drawing_bytes: int = 0
    weights_bytes: int = 0
    #: weights and activations while the autoencoder makes pictures
    decoding_bytes: int = 0
    #: of one evaluation of the U-Net; None where none was measured yet
    step_seconds: float | None = None
    #: how many times as long a step takes as with all weights on the device; None: not known yet
    slowdown: float | None = 1.0
    reasons: tuple[Reason, ...] = ()

    @property
    def reason(self) -> str:
        """For people: why it is done this way."""
        return said(self.reasons)


@dataclass(frozen=True)
class Policy:
    """How a job is drawn; the store and the loop obey it."""

    device: str
    precision: Precision
    #: `full`: all models stay on the device; `medvram`: the one that works; `lowvram`: of that its `resident` bytes,
    #: and what else of it works
    mode: Mode = "full"
    #: bytes of the U-Net's and of the text models' weights that stay on the device; None: all of them
    resident: int | None = None
    text_resident: int | None = None
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

    Never run on Apple's MPS or Intel's XPU, so those stay in float32. RequestError `no-such-card` where `--device-id`
    names none.
    """
    on_cpu = bool({"all", "sd"} & {name.lower() for name in settings.use_cpu})
    cuda = hardware.cuda and not on_cpu
    attention = choose(settings.attention, cuda)
    plan = Policy("cpu", Precision(), attention=attention, check_numbers=settings.check_numbers)
    plan = replace(plan, channels_last=settings.channels_last)
    if cuda:
        plan = replace(plan, device=_card(settings.device_id, hardware.cards))
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
    asked = mode_asked_for(settings, family)
    return replace(plan, precision=Precision(unet=half, vae=vae, text=half), mode=asked)


def _card(device_id: str | None, cards: int) -> str:
    if not device_id:
        return "cuda"
    number = card_of(device_id, cards)
    if number is None:
        message = f"There is no graphics card {device_id}: torch finds {cards}, counted from 0."
        raise RequestError("no-such-card", message, "Start with another --device-id, or without it.")
    return f"cuda:{number}"


def mode_asked_for(settings: Settings, family: str) -> Mode:
    """By the flags; `full` where none asks."""
    if settings.lowvram:
        return "lowvram"
    by_turns = settings.medvram or (settings.medvram_sdxl and family.startswith("sdxl"))
    return "medvram" if by_turns else "full"


def plan_job(placed: Policy, settings: Settings, needs: Needs, ground: Ground) -> Policy:
    """`placed`, with what `placement.plan` decides from its mode on."""
    way = placement.plan(_wish(placed, settings), needs, ground)
    bytes_of = (way.peak, way.drawing, way.weights, way.decoding)
    predicted = Prediction(*bytes_of, way.seconds, way.slowdown, way.reasons)
    apart = False if way.apart else None
    job = replace(placed, mode=way.mode, resident=way.resident, text_resident=way.text_resident, vae_rows=way.rows)
    return replace(job, batch_cond_uncond=apart, predicted=predicted)


def least(placed: Policy, settings: Settings, needs: Needs, ground: Ground) -> int:
    """Bytes below which no way is predicted to do it."""
    return placement.least(_wish(placed, settings), needs, ground)


def _wish(placed: Policy, settings: Settings) -> Wish:
    return Wish(placed.mode, placed.device.startswith("cuda"), settings.always_batch_cond_uncond)
