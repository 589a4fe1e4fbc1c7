"""How bytes come to a device: the one door to CUDA's streams and events, and what stands there elsewhere."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any, Protocol

import torch
from torch import Tensor

from runtime.engine.device_queue import queue_of

_LOG = logging.getLogger(__name__)
#: cudaErrorHostMemoryAlreadyRegistered
_PINNED_ALREADY = 712


class Lane(Protocol):
    """Copies one way, to a device, beside what the device does."""

    def copy(self, target: Tensor, source: Tensor) -> Any:
        """Begin a copy that waits for all that the device was told so far; a mark of its end."""

    def wait(self, mark: Any) -> None:
        """What the device is told from now on waits for the copy; whoever calls does not."""

    def finish(self) -> None:
        """Wait here until nothing is on its way any more."""

    def pin(self, memory: Tensor) -> bool:
        """Hold memory of this computer where it lies, so that the device fetches it by itself, until `unpin`.

        False: it is not held, and not to be unpinned.
        """

    def unpin(self, memory: Tensor) -> None:
        """It may be swapped and freed again."""


class PlainLane:
    """Where a copy is over when it is told: the CPU itself, and devices without streams of their own."""

    def copy(self, target: Tensor, source: Tensor) -> None:
        target.copy_(source)

    def wait(self, mark: Any) -> None:
        """It is over."""

    def finish(self) -> None:
        """Nothing is on its way."""

    def pin(self, memory: Tensor) -> bool:  # noqa: ARG002 - as every lane is told
        """Nothing would gain by it."""
        return False

    def unpin(self, memory: Tensor) -> None:
        """It was not pinned."""


class CudaLane:
    """A stream of its own beside the one that draws; events tell each how far the other is. Nothing waits on the host.

    Never run: no GPU was at hand.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def copy(self, target: Tensor, source: Tensor) -> torch.cuda.Event:
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            target.copy_(source, non_blocking=True)
            mark = torch.cuda.Event()  # type: ignore[no-untyped-call]
            mark.record(self._stream)
        return mark

    def wait(self, mark: torch.cuda.Event) -> None:
        torch.cuda.current_stream(self._device).wait_event(mark)

    def finish(self) -> None:
        self._stream.synchronize()

    def pin(self, memory: Tensor) -> bool:
        """Faster than memory that CUDA allocates pinned, and not rounded up; what cannot be pinned is copied slower."""
        if memory.nbytes == 0:
            return False
        # the pages must be there before they can be held
        refused = int(torch.cuda.cudart().cudaHostRegister(memory.data_ptr(), memory.nbytes, 0))  # type: ignore[no-untyped-call]
        if refused:
            self._forget_error()
        if refused and refused != _PINNED_ALREADY:
            _LOG.warning(
                "%d MiB cannot be pinned (CUDA error %d); they are copied slower.", memory.nbytes >> 20, refused
            )
        return not refused

    def unpin(self, memory: Tensor) -> None:
        self.finish()
        if int(torch.cuda.cudart().cudaHostUnregister(memory.data_ptr())):  # type: ignore[no-untyped-call]
            self._forget_error()

    def _forget_error(self) -> None:
        """CUDA keeps a refusal until somebody asks; else the next operation, which has no part in it, would fail."""
        with suppress(RuntimeError):
            # the check after a launch takes the error away by raising it
            torch.ones(1, device=self._device)
            torch.cuda.synchronize(self._device)


#: bytes of the copy by which a lane is measured, and how often it is made
_MEASURED, _TIMES = 64 << 20, 4


def bytes_per_second(device: torch.device) -> float | None:
    """How fast pinned memory comes to a card, tried for about 20 ms; None where that cannot be tried.

    Never run: no GPU was at hand.
    """
    if device.type != "cuda":
        return None
    try:
        there = torch.empty(_MEASURED, dtype=torch.uint8, device=device)
        here = torch.empty(_MEASURED, dtype=torch.uint8, pin_memory=True)
        # the first copy wakes the bus
        there.copy_(here, non_blocking=True)
        queue = queue_of(device)
        began = queue.mark()
        for _ in range(_TIMES):
            there.copy_(here, non_blocking=True)
        ended = queue.mark()
        ended.wait()
    except RuntimeError as failure:
        _LOG.info("The way to the card could not be measured: %s", failure)
        return None
    return _TIMES * _MEASURED / max(ended.seconds_since(began), 1e-6)


def lane_of(device: torch.device) -> Lane:
    """The lane to this device."""
    return CudaLane(device) if device.type == "cuda" else PlainLane()
