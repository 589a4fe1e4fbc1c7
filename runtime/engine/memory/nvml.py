"""What NVIDIA's management library says of a card's memory: torch's own figure is too high on some Windows drivers."""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache
from typing import Any

_LIBRARY = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"


class _Memory(ctypes.Structure):
    """nvml.h, nvmlMemory_t."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def free_memory(uuid: str) -> int | None:
    """Bytes that are free on the card of this identity ("GPU-…", or without its beginning); None: it is not told."""
    library = _library()
    if library is None:
        return None
    card, memory = ctypes.c_void_p(), _Memory()
    name = uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}"
    failed = library.nvmlDeviceGetHandleByUUID(name.encode(), ctypes.byref(card))
    failed = failed or library.nvmlDeviceGetMemoryInfo(card, ctypes.byref(memory))
    return None if failed else int(memory.free)


@lru_cache(maxsize=1)
def _library() -> Any:
    """Loaded and begun once; None where there is none."""
    try:
        library = ctypes.CDLL(_LIBRARY)
        return None if library.nvmlInit_v2() else library
    except (OSError, AttributeError):
        return None
