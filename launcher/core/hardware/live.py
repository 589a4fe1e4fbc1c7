"""The figures of this moment, again and again: what the cards hold and do, the processor, and the memory."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from launcher.core.hardware.inquiry import Inquiry
from launcher.core.hardware.look import memory_now
from launcher.core.hardware.machine import Gpu
from launcher.core.hardware.nvml import watch_nvml

#: seconds for one answer; a driver that takes longer is not asked again
_PATIENCE = 4.0


@dataclass(frozen=True)
class Figures:
    """None is unknown."""

    #: as NVML tells them; () where it does not
    cards: tuple[Gpu, ...] = ()
    #: of all cores together, 0 to 100
    processor_percent: int | None = None
    ram_used_mib: int | None = None
    ram_mib: int | None = None


def live_figures(cancel: threading.Event, every: float = 1.0, patience: float = _PATIENCE) -> Iterator[Figures]:
    """One each `every` seconds until `cancel` is set. Never raises."""
    watched, answers = watch_nvml(), True
    _processor()
    try:
        while not cancel.wait(every):
            # It answers in a thread of its own: a card that has fallen off the bus lets NVML wait for half a minute.
            cards = Inquiry(lambda: next(watched, ())).within(patience) if answers else ()
            answers = bool(cards)
            total, available, _, _ = memory_now()
            used = None if total is None or available is None else total - available
            yield Figures(cards or (), _processor(), used, total)
    finally:
        # One that still waits for the driver cannot be closed; it ends with the program.
        with contextlib.suppress(ValueError):
            watched.close()


def _processor() -> int | None:
    """Since the last call."""
    try:
        return round(psutil.cpu_percent())
    except (OSError, psutil.Error, RuntimeError):
        return None
