"""Memory that runs out, cards that fail: how torch says so, what the user is told, how memory is given back."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import torch

#: in torch's messages: for a card, a CPU (Linux, Windows, sizes beyond any memory), Apple's MPS, for cuBLAS, and for
#: cuDNN, none of whose engines finds room for its workspace. The last two can mean another fault of the libraries: that
#: comes again with less on the card, and torch's words stand in what is told
_WORDS = (
    *("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory"),
    *("storage size calculation overflowed", "invalid buffer size", "status_alloc_failed"),
    *("cublas_status_not_initialized", "unable to find an engine"),
)
#: in CUDA's and HIP's messages after which a process can do nothing more with any card (cudaGetErrorString)
_LOST = (
    *("illegal memory access", "unspecified launch failure", "device-side assert", "launch timed out"),
    *("misaligned address", "uncorrectable ecc error", "uncorrectable nvlink error", "hardware stack error"),
    *("illegal instruction was encountered", "invalid program counter", "no cuda-capable device is detected"),
    *("cuda-capable device(s) is/are busy or unavailable", "gpu is lost", "cuda error: unknown error"),
)


def lacks_memory(failure: BaseException) -> bool:
    """Is it the machine that is at its limit? On a CPU torch says so in the words of a RuntimeError alone."""
    if isinstance(failure, (MemoryError, torch.OutOfMemoryError)):
        return True
    words = str(failure).lower()
    return isinstance(failure, (RuntimeError, OSError)) and any(one in words for one in _WORDS)


def lost_device(failure: BaseException) -> bool:
    """Has the card, or this process's hold on it, failed for good? Only another process may get it back."""
    words = str(failure).lower()
    return isinstance(failure, RuntimeError) and "error" in words and any(one in words for one in _LOST)


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
    if lost_device(failure):
        return {
            "code": "gpu-lost",
            "message": f"The graphics card failed in the middle of its work ({text}).",
            "hint": "The drawing process starts anew. If this comes again, restart the computer and renew the driver.",
        }
    hint = "This is a fault of Gesso; the log has its details."
    return {"code": "worker-fault", "message": f"{type(failure).__name__}: {text}", "hint": hint}


#: called when memory is to be given back, by those that hold some which they can do without
SPARING: list[Callable[[], None]] = []


def free_memory() -> None:
    """What nobody holds any more, or can be done without, goes back to the system, the card's memory too."""
    for spare in SPARING:
        spare()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
    if getattr(torch, "xpu", None) and torch.xpu.is_available():
        torch.xpu.empty_cache()
