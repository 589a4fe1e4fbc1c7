"""How much memory a job took, as far as the device tells."""

from __future__ import annotations

from typing import Any

import torch

from runtime.request import MemoryUse

_MIB = 1 << 20


def begin(device: torch.device) -> None:
    """Forget the peaks of the job before."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def read(device: torch.device) -> MemoryUse:
    """Peaks of torch and the card's whole use; on other devices this process's and the system's memory."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        stats = torch.cuda.memory_stats(device)
        active, reserved = stats.get("active_bytes.all.peak", 0), stats.get("reserved_bytes.all.peak", 0)
        return MemoryUse(active // _MIB, reserved // _MIB, (total - free) // _MIB, total // _MIB)
    try:
        import psutil
    except ImportError:
        return MemoryUse()
    system = psutil.virtual_memory()
    active = psutil.Process().memory_info().rss
    return MemoryUse(active // _MIB, None, (system.total - system.available) // _MIB, system.total // _MIB)


def card(device: torch.device | None = None) -> dict[str, Any] | None:
    """Bytes of a card, None: the calling thread's, in the shape of /sdapi/v1/memory; None where none answers."""
    if not torch.cuda.is_initialized() or (device is not None and device.type != "cuda"):  # type: ignore[no-untyped-call]
        return None
    try:
        free, total = torch.cuda.mem_get_info(device)
        stats = torch.cuda.memory_stats(device)
    except RuntimeError:
        # a card that has failed answers nothing more, and the failure is still to be told
        return None
    kinds = {"active": "active", "allocated": "allocated", "reserved": "reserved", "inactive": "inactive_split"}
    return {
        "system": {"free": free, "used": total - free, "total": total},
        **{name: _now_and_peak(stats, f"{kind}_bytes.all") for name, kind in kinds.items()},
        "events": {"retries": stats.get("num_alloc_retries", 0), "oom": stats.get("num_ooms", 0)},
    }


def _now_and_peak(stats: dict[str, Any], name: str) -> dict[str, int]:
    return {"current": stats.get(f"{name}.current", 0), "peak": stats.get(f"{name}.peak", 0)}
