"""How much memory a job took, as far as the device tells."""

from __future__ import annotations

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
