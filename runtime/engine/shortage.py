"""Memory that runs out: how torch says so, what the user is told, and how it is given back."""

from __future__ import annotations

import gc
from pathlib import Path

import torch

#: in torch's messages, for a card, for a CPU (Linux, Windows, sizes beyond any memory), for Apple's MPS, for cuBLAS
_WORDS = (
    *("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory"),
    *("storage size calculation overflowed", "invalid buffer size", "status_alloc_failed"),
)


def lacks_memory(failure: BaseException) -> bool:
    """Is it the machine that is at its limit? On a CPU torch says so in the words of a RuntimeError alone."""
    if isinstance(failure, (MemoryError, torch.OutOfMemoryError)):
        return True
    words = str(failure).lower()
    return isinstance(failure, (RuntimeError, OSError)) and any(one in words for one in _WORDS)


def describe(failure: Exception, loading: Path | None = None) -> dict[str, str]:
    """A bug or a machine at its limit, while drawing or `loading` a file, as data: code, message, hint."""
    text = str(failure).splitlines()[0] if str(failure) else type(failure).__name__
    if lacks_memory(failure) and loading is not None:
        message = f"There is not enough memory to read {loading.name}."
        return {"code": "out-of-memory", "message": message, "hint": "Close other programs, or choose another file."}
    if lacks_memory(failure):
        return {
            "code": "out-of-memory",
            "message": f"There is not enough memory for this picture ({text}).",
            "hint": "Draw fewer or smaller pictures, or start with --medvram or --lowvram.",
        }
    hint = "This is a fault of Gesso; the log has its details."
    return {"code": "worker-fault", "message": f"{type(failure).__name__}: {text}", "hint": hint}


def free_memory() -> None:
    """What nobody holds any more goes back to the system, the card's memory too."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
    if getattr(torch, "xpu", None) and torch.xpu.is_available():
        torch.xpu.empty_cache()
