"""NVIDIA's management library as a module to put in `sys.modules["pynvml"]`: it answers, and fails, as the real one.

The errors are the real binding's classes, so that code which catches the wrong one fails here too.
"""

from __future__ import annotations

import threading
import types
from dataclasses import dataclass, field
from typing import Any

import pynvml


@dataclass
class FakeCard:
    """What one card answers; an exception class among the values is raised instead."""

    name: Any = "NVIDIA GeForce RTX 3060"
    uuid: Any = "GPU-6a3cd0f1-2a0e-4f5c-9d8b-1b1d6f0c7e11"
    total: int = 12288 << 20
    free: int = 11264 << 20
    capability: Any = (8, 6)
    memory_error: type[Exception] | None = None
    lost: bool = False


@dataclass
class FakeNvml:
    """The library of one computer; `module()` is what `import pynvml` then gives."""

    cards: list[FakeCard] = field(default_factory=list)
    driver: Any = "580.95.05"
    #: raised by nvmlInit
    init_error: type[Exception] | None = None
    #: nvmlInit never comes back
    hangs: bool = False
    started: int = 0
    ended: int = 0

    def module(self) -> types.ModuleType:
        module = types.ModuleType("pynvml")
        for name in dir(pynvml):
            if name.startswith("NVMLError"):
                setattr(module, name, getattr(pynvml, name))
        for function in (
            self.nvmlInit,
            self.nvmlShutdown,
            self.nvmlSystemGetDriverVersion,
            self.nvmlDeviceGetCount,
            self.nvmlDeviceGetHandleByIndex,
            self.nvmlDeviceGetMemoryInfo,
            self.nvmlDeviceGetCudaComputeCapability,
            self.nvmlDeviceGetUUID,
            self.nvmlDeviceGetName,
        ):
            setattr(module, function.__name__, function)
        return module

    def _alive(self) -> None:
        if self.started <= self.ended:
            raise pynvml.NVMLError_Uninitialized

    def nvmlInit(self) -> None:  # noqa: N802
        if self.hangs:
            threading.Event().wait()
        if self.init_error is not None:
            raise self.init_error()
        self.started += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self._alive()
        self.ended += 1

    def nvmlSystemGetDriverVersion(self) -> Any:  # noqa: N802
        self._alive()
        return _answer(self.driver)

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        self._alive()
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> FakeCard:  # noqa: N802
        self._alive()
        if not 0 <= index < len(self.cards):
            raise pynvml.NVMLError_InvalidArgument
        if self.cards[index].lost:
            raise pynvml.NVMLError_GpuIsLost
        return self.cards[index]

    def nvmlDeviceGetMemoryInfo(self, card: FakeCard) -> Any:  # noqa: N802
        if card.memory_error is not None:
            raise card.memory_error()
        return types.SimpleNamespace(total=card.total, free=card.free, used=card.total - card.free)

    def nvmlDeviceGetCudaComputeCapability(self, card: FakeCard) -> Any:  # noqa: N802
        return _answer(card.capability)

    def nvmlDeviceGetUUID(self, card: FakeCard) -> Any:  # noqa: N802
        return _answer(card.uuid)

    def nvmlDeviceGetName(self, card: FakeCard) -> Any:  # noqa: N802
        return _answer(card.name)


def _answer(value: Any) -> Any:
    if isinstance(value, type) and issubclass(value, Exception):
        raise value()
    return value
