"""Which device and precision each model gets, and which of the three models lies on the device when.

`place` is a pure planner; `Store` obeys it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from runtime.engine.attention import Attention, choose, use
from runtime.engine.checkpoint import Checkpoint, Precision


@dataclass(frozen=True)
class Settings:
    """What AUTOMATIC1111's flags ask for."""

    device_id: str | None = None
    #: names as in `--use-cpu all`; `all` and `sd` put everything on the CPU
    use_cpu: tuple[str, ...] = ()
    no_half: bool = False
    no_half_vae: bool = False
    #: `full` is float32
    precision: str = "autocast"
    medvram: bool = False
    #: medvram for SDXL alone
    medvram_sdxl: bool = False
    #: wins over medvram
    lowvram: bool = False
    channels_last: bool = False
    #: flags by their keys; engine/attention.py knows them
    attention: Mapping[str, object] = field(default_factory=dict)
    use_ipex: bool = False
    check_numbers: bool = True

    @classmethod
    def of(cls, flags: argparse.Namespace) -> Settings:
        return cls(
            device_id=flags.device_id,
            use_cpu=tuple(flags.use_cpu),
            no_half=flags.no_half,
            no_half_vae=flags.no_half_vae,
            precision=flags.precision,
            medvram=flags.medvram,
            lowvram=flags.lowvram,
            medvram_sdxl=flags.medvram_sdxl,
            channels_last=flags.opt_channelslast,
            attention=vars(flags),
            use_ipex=flags.use_ipex,
            check_numbers=not flags.disable_nan_check,
        )


@dataclass(frozen=True)
class Hardware:
    """What torch finds."""

    cuda: bool = False
    mps: bool = False
    xpu: bool = False
    #: the processor multiplies bfloat16 itself; emulated it is slower than float32
    native_bfloat16: bool = False


@dataclass(frozen=True)
class Placement:
    """The plan: device, precision, and `full`, `medvram` or `lowvram`."""

    device: str
    precision: Precision
    mode: str = "full"
    #: the mode of SDXL's models, where it is another
    sdxl_mode: str | None = None
    channels_last: bool = False
    attention: Attention = field(default_factory=Attention)
    #: look whether U-Net and VAE give numbers
    check_numbers: bool = True

    def for_family(self, family: str) -> Placement:
        """The plan once it is known what is loaded."""
        mode = self.sdxl_mode if self.sdxl_mode and family.startswith("sdxl") else self.mode
        return replace(self, mode=mode)


def look() -> Hardware:
    """Ask torch."""
    native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return Hardware(torch.cuda.is_available(), torch.backends.mps.is_available(), _xpu(), bool(native))


def _xpu() -> bool:
    return bool(getattr(torch, "xpu", None) and torch.xpu.is_available())


def place(settings: Settings, hardware: Hardware) -> Placement:
    """The plan for `settings` on `hardware`; never run on Apple's MPS or Intel's XPU, so those stay in float32."""
    on_cpu = bool({"all", "sd"} & {name.lower() for name in settings.use_cpu})
    cuda = hardware.cuda and not on_cpu
    attention = choose(settings.attention, cuda)
    plan = Placement("cpu", Precision(), attention=attention, check_numbers=settings.check_numbers)
    plan = replace(plan, channels_last=settings.channels_last)
    if cuda:
        return _on_cuda(settings, plan)
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


def _on_cuda(settings: Settings, plan: Placement) -> Placement:
    half = torch.float32 if _full_precision(settings) else torch.float16
    vae = torch.float32 if settings.no_half_vae else half
    mode = "lowvram" if settings.lowvram else "medvram" if settings.medvram else "full"
    device = f"cuda:{settings.device_id}" if settings.device_id else "cuda"
    for_sdxl = "medvram" if settings.medvram_sdxl and mode == "full" else None
    return replace(
        plan, device=device, precision=Precision(unet=half, vae=vae, text=half), mode=mode, sdxl_mode=for_sdxl
    )


def occupy(placement: Placement) -> torch.device:
    """The device to work on. Of several cards it becomes the one that torch itself goes by, and no other is touched."""
    device = torch.device(placement.device)
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)
    return device


class Store:
    """Holds the models of one checkpoint and lends them, on the device, one at a time where memory is short."""

    def __init__(self, checkpoint: Checkpoint, placement: Placement) -> None:
        self.device = occupy(placement)
        self.placement = placement = placement.for_family(checkpoint.traits.family)
        #: False once weights could not be brought back to what the file holds: the checkpoint has to be read again
        self.sound = True
        #: file and time of the VAE that is not the checkpoint's own
        self.vae_source: tuple[Path, float] | None = None
        self._own_vae: nn.Module | None = None
        self._models: dict[str, nn.Module] = {
            "unet": checkpoint.unet,
            "vae": checkpoint.vae,
            "text": nn.ModuleList(checkpoint.texts),
        }
        use(placement.attention, checkpoint.unet)
        if placement.channels_last:
            for name in ("unet", "vae"):
                self._models[name].to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if placement.mode == "full":
            for model in self._models.values():
                model.to(self.device)
        if placement.mode == "lowvram":
            _stream_children(self._models["unet"], self.device)

    @contextmanager
    def lend(self, name: str) -> Iterator[Any]:
        """The model `unet` or `vae`, or the tuple of `text` models, ready to run on `device`."""
        model = self._models[name]
        streamed = name == "unet" and self.placement.mode == "lowvram"
        moved = self.placement.mode != "full" and not streamed
        if moved:
            model.to(self.device)
        try:
            yield tuple(model) if isinstance(model, nn.ModuleList) else model
        finally:
            if moved:
                model.to("cpu")
                torch.cuda.empty_cache()

    def modules(self, name: str) -> tuple[nn.Module, ...]:
        """The models under a name where they lie, which may not be `device`: to look at, or to change their weights."""
        model = self._models[name]
        return tuple(model) if isinstance(model, nn.ModuleList) else (model,)

    def dtype(self, name: str) -> torch.dtype:
        """The precision of a model's weights now."""
        return next(self._models[name].parameters()).dtype

    def size(self, name: str) -> int:
        """How many parameters a model has."""
        return sum(parameter.numel() for parameter in self._models[name].parameters())

    def widen(self, name: str) -> None:
        """Continue with this model in float32."""
        self._models[name].float()

    def exchange_vae(self, vae: nn.Module, source: tuple[Path, float]) -> None:
        """Use this VAE, read from a file as it was changed last; the checkpoint's own waits on the CPU."""
        if self._own_vae is None:
            self._own_vae = self._models["vae"].to("cpu")
        self.vae_source = source
        self._put_vae(vae)

    def restore_vae(self) -> None:
        """Use the checkpoint's own VAE again."""
        if self._own_vae is not None:
            self._put_vae(self._own_vae)
            self._own_vae = self.vae_source = None

    def _put_vae(self, vae: nn.Module) -> None:
        if self.placement.channels_last:
            vae.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._models["vae"] = vae.to(self.device) if self.placement.mode == "full" else vae


def _stream_children(model: nn.Module, device: torch.device) -> None:
    """Bring each block of the U-Net to the device for its own turn only."""

    def bring(block: nn.Module, _inputs: Any) -> None:
        block.to(device)

    def take_back(block: nn.Module, _inputs: Any, _output: Any) -> None:
        block.to("cpu")

    for child in model.children():
        for block in child if isinstance(child, nn.ModuleList) else (child,):
            block.register_forward_pre_hook(bring)
            block.register_forward_hook(take_back)
