"""The one door to CUDA's events and graphs; where there is no CUDA, everything happens at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import torch
from torch import Tensor

#: CUDA graphs are captured from this compute capability on (Volta)
GRAPHS_FROM = (7, 0)


class Mark(Protocol):
    """A point in a device's work."""

    def wait(self) -> None:
        """Until the device has come by."""

    def seconds_since(self, earlier: Mark) -> float:
        """Of the device's work between two marks that it has passed."""


class Graph(Protocol):
    """Work that was captured."""

    def replay(self) -> None:
        """Do it again, on the memory that it was captured with; nobody waits for it."""

    def release(self) -> None:
        """Give up what it holds; it is not replayed any more."""


class DeviceQueue(Protocol):
    """The work that a device was told to do."""

    #: can it capture graphs?
    captures: bool

    def mark(self) -> Mark:
        """Here, behind all that was asked so far."""

    def fetch(self, tensor: Tensor) -> Tensor:
        """A copy in the computer's memory, there once a mark made after this has been passed."""

    def warm(self, body: Callable[[], Tensor]) -> Tensor:
        """Run `body` where graphs are captured, so that libraries have got what they need before a capture."""

    def capture(self, body: Callable[[], Tensor]) -> tuple[Graph, Tensor]:
        """Record what `body` asks of the device without doing it; its tensor, which each replay fills.

        The tensor is good until any graph of this queue is replayed. RuntimeError where something in it cannot be
        recorded or memory runs out; the queue is as before then.
        """


class _Moment:
    def __init__(self) -> None:
        self._at = time.perf_counter()

    def wait(self) -> None:
        """It is past."""

    def seconds_since(self, earlier: Any) -> float:
        return self._at - float(earlier._at)  # noqa: SLF001 - another of its kind


class _Here:
    """A device that does everything at once."""

    captures = False

    def mark(self) -> Mark:
        return _Moment()

    def fetch(self, tensor: Tensor) -> Tensor:
        return tensor.to("cpu", copy=True)

    def warm(self, body: Callable[[], Tensor]) -> Tensor:
        return body()

    def capture(self, _body: Callable[[], Tensor]) -> tuple[Graph, Tensor]:
        raise RuntimeError("This device captures no graphs.")


class _CudaMark:
    def __init__(self) -> None:
        # blocking: whoever waits sleeps, for the processor has other things to do
        self._event = torch.cuda.Event(enable_timing=True, blocking=True)  # type: ignore[no-untyped-call]
        self._event.record()

    def wait(self) -> None:
        self._event.synchronize()

    def seconds_since(self, earlier: Any) -> float:
        return float(earlier._event.elapsed_time(self._event)) / 1000  # noqa: SLF001 - another of its kind


class _CudaGraph:
    def __init__(self, graph: torch.cuda.CUDAGraph, releasing: Callable[[], None]) -> None:
        self._graph, self._releasing = graph, releasing

    def replay(self) -> None:
        self._graph.replay()

    def release(self) -> None:
        self._releasing()
        self._graph.reset()


class _Cuda:
    """torch's current stream of a device; captures go through a stream and a pool of memory of their own.

    All graphs share the pool: they run one after another on one stream, and what one gives is read before the next
    is replayed, so that each may use the memory of the others.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.captures = torch.cuda.get_device_capability(device) >= GRAPHS_FROM and torch.version.hip is None
        self._stream: torch.cuda.Stream | None = None
        #: torch's handle, and how many graphs use it: a pool that was used by some and is by none takes no more
        self._pool: Any = None
        self._graphs = 0

    def mark(self) -> Mark:
        return _CudaMark()

    def fetch(self, tensor: Tensor) -> Tensor:
        there = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        return there.copy_(tensor, non_blocking=True)

    def warm(self, body: Callable[[], Tensor]) -> Tensor:
        main, side = torch.cuda.current_stream(self._device), self._side()
        side.wait_stream(main)
        with torch.cuda.stream(side):
            made = body()
        # whoever reads what was made on the side stream does so on the main one, for which the side stream waits before
        # it is used again: nothing is overwritten too early
        main.wait_stream(side)
        return made

    def capture(self, body: Callable[[], Tensor]) -> tuple[Graph, Tensor]:
        side, graph = self._side(), torch.cuda.CUDAGraph()
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        torch.cuda.synchronize(self._device)
        # what eager steps left unused is of no use to the pool
        torch.cuda.empty_cache()
        with torch.cuda.stream(side):
            try:
                # other threads may go on with the device meanwhile
                graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
                made = body()
            except BaseException:
                self._give_up(graph)
                raise
            self._end(graph)
        self._graphs += 1
        return _CudaGraph(graph, self._releasing), made

    def _side(self) -> torch.cuda.Stream:
        if self._stream is None:
            self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        return self._stream

    def _end(self, graph: torch.cuda.CUDAGraph) -> None:
        try:
            graph.capture_end()
        except RuntimeError:
            self._forget_capture()
            raise

    def _give_up(self, graph: torch.cuda.CUDAGraph) -> None:
        """After a failure inside: ending such a capture may fail too, with less to say than the first failure."""
        try:
            graph.capture_end()
        except RuntimeError:
            self._forget_capture()
        if self._graphs == 0:
            self._pool = None

    def _releasing(self) -> None:
        # it may be at work still
        torch.cuda.synchronize(self._device)
        self._graphs -= 1
        if self._graphs == 0:
            self._pool = None

    def _forget_capture(self) -> None:
        """torch's allocator believes a capture that failed to be under way still, and would refuse to free anything."""
        index = torch.cuda.current_device() if self._device.index is None else self._device.index
        pool, self._pool = self._pool, None
        # torch has no other door for these two, which the end of a capture and of its graph call. The pool of pinned
        # memory that newer torch opens beside has none at all: it stays, for work on the side stream, which takes none
        with suppress(RuntimeError):
            torch._C._cuda_endAllocateToPool(index, pool)  # noqa: SLF001
            torch._C._cuda_releasePool(index, pool)  # noqa: SLF001


def queue_of(device: torch.device) -> DeviceQueue:
    """The device's queue as torch goes by it now."""
    return _Cuda(device) if device.type == "cuda" else _Here()
