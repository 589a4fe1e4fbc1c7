"""The memory that our own runtime holds counts as free: it is given back before the runtime is started anew."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from launcher.core.machine import Gpu, Machine


def without_own(machine: Machine, own: Collection[int]) -> Machine:
    """`machine` as it will be once the processes `own` have ended."""
    return replace(machine, gpus=tuple(_given_back(gpu, own) for gpu in machine.gpus))


def _given_back(gpu: Gpu, own: Collection[int]) -> Gpu:
    held = [process.vram_mib for process in gpu.processes if process.pid in own]
    if not held:
        return gpu
    known = [mib for mib in held if mib is not None]
    # Windows' drivers do not tell how much it is: then the whole memory is what can be gone by
    free = gpu.vram_free_mib + sum(known) if gpu.vram_free_mib is not None and len(known) == len(held) else None
    return replace(gpu, vram_free_mib=free)
