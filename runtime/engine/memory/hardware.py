"""What torch finds in this computer, and how much memory there is now."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from runtime.engine.memory import nvml
from runtime.engine.native_bfloat16 import multiplies_bfloat16
from runtime.placement import reserve

_CONTAINER = Path("/sys/fs/cgroup")
_WINDOWS = sys.platform == "win32"


@dataclass(frozen=True)
class Hardware:
    """What torch finds."""

    cuda: bool = False
    mps: bool = False
    xpu: bool = False
    #: the processor multiplies bfloat16 itself; emulated it is slower than float32
    native_bfloat16: bool = False
    #: of the card that draws, as NVIDIA counts
    capability: tuple[int, int] | None = None
    #: that CUDA or HIP finds
    cards: int = 1


@dataclass(frozen=True)
class Room:
    """Bytes that models and activations can have on a device together, and how many of these are better left alone."""

    free: int
    reserve: int
    #: of the computer's memory; None: it is not told
    ram: int | None = None
    #: more that the system can move from the computer's memory to the disk; None: how much is not told
    swap: int | None = None


def look(device_id: str | None = None) -> Hardware:
    """Ask torch; `device_id` as the flag of that name tells it."""
    cuda = torch.cuda.is_available()
    cards = torch.cuda.device_count() if cuda else 0
    capability = torch.cuda.get_device_capability(card_of(device_id, cards)) if cuda else None
    return Hardware(cuda, torch.backends.mps.is_available(), _xpu(), multiplies_bfloat16(), capability, cards)


def card_of(device_id: str | None, cards: int) -> int | None:
    """The number that is told, from 0; None where it is that of no card."""
    return int(device_id) if device_id and device_id.isdecimal() and int(device_id) < cards else None


def _xpu() -> bool:
    return bool(getattr(torch, "xpu", None) and torch.xpu.is_available())


def room(device: torch.device) -> Room:
    """What can be had on the device now; what our own allocator holds counts as free."""
    ram = free_ram()
    if device.type != "cuda":
        free = (ram or 0) + own_memory()
        return Room(free, reserve(free, None, _WINDOWS), ram, free_swap())
    free, total = torch.cuda.mem_get_info(device)
    told = nvml.free_memory(str(torch.cuda.get_device_properties(device).uuid))
    free = min(free, told) if told is not None else free
    free += torch.cuda.memory_reserved(device)
    # alone among its neighbours it takes no device without a number
    index = torch.cuda.current_device() if device.index is None else device.index
    cap = getattr(torch.cuda, "get_per_process_memory_fraction", lambda _device: 1.0)(index)
    free = min(free, int(total * cap))
    return Room(free, reserve(free, total, _WINDOWS), ram)


def free_ram() -> int | None:
    """Bytes that programs can still take of the computer's memory, within a container's limit."""
    try:
        import psutil
    except ImportError:
        return None
    return min([int(psutil.virtual_memory().available), *_left_of_container()])


def free_swap() -> int | None:
    """Bytes that are free of the page file; None where the system makes it larger as is needed (macOS, Windows)."""
    try:
        import psutil
    except ImportError:
        return None
    if sys.platform in ("darwin", "win32"):
        return None
    return min([int(psutil.swap_memory().free), *_left_of_container("memory.swap")])


def own_memory() -> int:
    """Bytes that this process has now."""
    try:
        import psutil
    except ImportError:
        return 0
    return int(psutil.Process().memory_info().rss)


def _left_of_container(what: str = "memory") -> list[int]:
    """Linux' second version of control groups tells limit and use; what it keeps of files it gives back."""
    try:
        limit, used = (int((_CONTAINER / f"{what}.{name}").read_text(encoding="ascii")) for name in ("max", "current"))
    except (OSError, ValueError):
        return []
    kept = 0
    with contextlib.suppress(OSError, ValueError):
        told = dict(
            line.split() for line in (_CONTAINER / f"{what}.stat").read_text(encoding="ascii").split("\n") if line
        )
        kept = int(told.get("inactive_file", 0))
    return [max(0, limit - used + kept)]
