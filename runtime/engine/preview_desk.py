"""Previews made beside the drawing: how often they may come, and a thread that writes and sends them."""

from __future__ import annotations

import io
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from runtime.engine import images
from runtime.engine.device_queue import DeviceQueue, Mark
from runtime.engine.shortage import lacks_memory

#: between two previews, in seconds
PAUSE = 0.5
#: of the time that a job takes, how much may go into previews
SHARE = 0.01
#: zlib's effort: a preview lives for a second
_EFFORT = 1


@dataclass
class Throttle:
    """Previews come at most every `PAUSE` seconds, and take at most `SHARE` of the time."""

    free_at: float = 0.0

    def due(self, now: float) -> bool:
        return now >= self.free_at

    def spent(self, began: float, now: float, cost: float) -> None:
        """One was begun and is done now; `cost` seconds of drawing were lost to it."""
        self.free_at = max(began + PAUSE, now + cost / SHARE)


class PreviewDesk:
    """Of one job. At most one preview is on its way; those that come meanwhile are left out."""

    def __init__(
        self, queue: DeviceQueue, deliver: Callable[[bytes], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`deliver` is called in another thread."""
        self._queue, self._deliver, self._clock = queue, deliver, clock
        self._throttle = Throttle()
        self._thread: threading.Thread | None = None

    def free(self) -> bool:
        """May one be made now?"""
        return self._thread is None and self._throttle.due(self._clock())

    def put(self, make: Callable[[], Tensor]) -> None:
        """Make one, (3, height, width) in -1 … 1, behind what the device does now; the rest is done by the thread.

        Left out where memory does not suffice for it.
        """
        began, start = self._clock(), self._queue.mark()
        try:
            levels = self._queue.fetch(images.to_levels(make()))
        except (RuntimeError, MemoryError) as failure:
            if not lacks_memory(failure):
                raise
            now = self._clock()
            self._throttle.spent(began, now, now - began)
            return
        drawn, end = self._clock() - began, self._queue.mark()
        self._thread = threading.Thread(
            target=self._send, args=(levels, began, drawn, start, end), name="preview", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Wait for the one that is on its way."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _send(self, levels: Tensor, began: float, drawn: float, start: Mark, end: Mark) -> None:
        try:
            # what is not there yet is waited for here, where it keeps nobody waiting
            end.wait()
            written = time.thread_time()
            self._deliver(png(levels))
            cost = max(drawn, end.seconds_since(start)) + time.thread_time() - written
            self._throttle.spent(began, self._clock(), cost)
        except Exception:  # noqa: BLE001 - a preview costs no picture
            traceback.print_exc()
        finally:
            self._thread = None


@torch.inference_mode()
def png(levels: Tensor) -> bytes:
    """Bytes (height, width, 3) on the CPU as a file."""
    buffer = io.BytesIO()
    Image.fromarray(levels.numpy()).save(buffer, "PNG", compress_level=_EFFORT)
    return buffer.getvalue()
