"""What the proof is done on: every device that torch sees, and whether this torch has code for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch


class ProofError(Exception):
    """A check that failed: `code` is stable, the text is a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class Device:
    """`name` is torch's, "cuda:0"; `title` is the card's own."""

    name: str
    title: str
    index: int | None = None

    @property
    def kind(self) -> str:
        return self.name.partition(":")[0]

    @property
    def dtypes(self) -> tuple[torch.dtype, ...]:
        """Those that the engine draws in (runtime/engine/memory), and those that a card multiplies itself."""
        if self.kind == "cpu":
            native = bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
            return (torch.float32, torch.bfloat16) if native else (torch.float32,)
        if self.kind == "cuda" and _multiplies_bfloat16(self.index):
            return (torch.float32, torch.float16, torch.bfloat16)
        return (torch.float32, torch.float16)


def devices() -> Iterator[Device]:
    """The cards first; the processor is always there."""
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            yield Device(f"cuda:{index}", torch.cuda.get_device_name(index), index)
    xpu: Any = getattr(torch, "xpu", None)
    if xpu and xpu.is_available():
        for index in range(xpu.device_count()):
            yield Device(f"xpu:{index}", xpu.get_device_name(index), index)
    if torch.backends.mps.is_available():
        yield Device("mps", "Apple's graphics")
    yield Device("cpu", "the processor")


def check_expected(wanted: str | None, found: list[Device]) -> None:
    """ProofError `proof-no-device` if a torch chosen for a card sees none; `wanted` is cuda, xpu, mps or cpu."""
    if wanted in (None, "cpu") or any(device.kind == wanted for device in found):
        return
    raise ProofError("proof-no-device", f"This torch was installed for a graphics card and sees none: {_why(wanted)}")


def _why(kind: str | None) -> str:
    """torch's own reason, where it gives one."""
    try:
        if kind == "cuda":
            torch.cuda.init()  # type: ignore[no-untyped-call]
    except (RuntimeError, AssertionError) as reason:
        return str(reason).splitlines()[0]
    return f"torch {torch.__version__} gives no reason."


def check_code(device: Device) -> str:
    """What of this torch runs on the card; ProofError `proof-kernels` if nothing does."""
    if device.kind != "cuda":
        return ""
    compiled = torch.cuda.get_arch_list()
    if torch.version.hip:
        ours = str(getattr(torch.cuda.get_device_properties(device.index), "gcnArchName", "")).partition(":")[0]
        fits = ours if ours in compiled or not ours else None
    else:
        ours = ".".join(map(str, torch.cuda.get_device_capability(device.index)))
        fits = code_for(torch.cuda.get_device_capability(device.index), compiled)
    # A build that does not tell its list is judged by what it computes.
    if compiled and fits is None:
        raise ProofError(
            "proof-kernels", f"This torch has no code for {device.title} ({ours}); it has {', '.join(compiled)}."
        )
    return fits or ""


def code_for(capability: tuple[int, int], compiled: list[str]) -> str | None:
    """The entry of torch's list that runs on a card of this compute capability, the nearest first.

    NVIDIA's rule: machine code (sm_75) runs on cards of the same major and at least the same minor number, with a
    letter (sm_90a) on that very number alone; PTX (compute_90) is translated for everything from its number on.
    """
    machine, portable = [], []
    for name in compiled:
        found = re.fullmatch(r"(sm|compute)_(\d+)(\d)([a-z]?)", name)
        if found is None:
            continue
        version = (int(found[2]), int(found[3]))
        if found[1] == "compute" and version <= capability and not found[4]:
            portable.append((version, name))
        elif found[1] == "sm" and (version == capability or (not found[4] and _within(version, capability))):
            machine.append((version, name))
    best = max(machine, default=None) or max(portable, default=None)
    return best[1] if best else None


def _within(version: tuple[int, int], capability: tuple[int, int]) -> bool:
    return version[0] == capability[0] and version[1] <= capability[1]


def _multiplies_bfloat16(index: int | None) -> bool:
    """Ampere and later; before that torch emulates it. AMD's cards with matrix cores all do."""
    return bool(torch.version.hip) or torch.cuda.get_device_capability(index) >= (8, 0)
