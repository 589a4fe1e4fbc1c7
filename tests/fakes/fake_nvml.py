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
    #: NVML_DEVICE_ARCH_*; device and vendor as one number, and the slot
    architecture: Any = 7
    pci_device: int = 0x2504
    bus: Any = "00000000:01:00.0"
    temperature: Any = 41
    busy: Any = 3
    #: (process, bytes or None) of what computes and of what draws
    computing: Any = ()
    drawing: Any = ()
    #: NVML_GPU_VIRTUALIZATION_MODE_*
    virtualization: Any = 0
    #: the slices of a card in MIG mode; None: the card knows no MIG, (): the mode is on and nothing is cut yet
    slices: tuple[FakeCard, ...] | None = None


@dataclass
class FakeNvml:
    """The library of one computer; `module()` is what `import pynvml` then gives."""

    cards: list[FakeCard] = field(default_factory=list)
    driver: Any = "580.95.05"
    cuda: Any = 13000
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
        module.NVMLLibraryMismatchError = pynvml.NVMLLibraryMismatchError  # type: ignore[attr-defined]
        module.NVML_TEMPERATURE_GPU = pynvml.NVML_TEMPERATURE_GPU  # type: ignore[attr-defined]
        for name in dir(self):
            if name.startswith("nvml"):
                setattr(module, name, getattr(self, name))
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

    def nvmlSystemGetCudaDriverVersion_v2(self) -> Any:  # noqa: N802
        self._alive()
        return _answer(self.cuda)

    def nvmlDeviceGetArchitecture(self, card: FakeCard) -> Any:  # noqa: N802
        return _answer(card.architecture)

    def nvmlDeviceGetPciInfo(self, card: FakeCard) -> Any:  # noqa: N802
        bus = _answer(card.bus)
        return types.SimpleNamespace(busId=bus, pciDeviceId=card.pci_device << 16 | 0x10DE)

    def nvmlDeviceGetTemperature(self, card: FakeCard, sensor: int) -> Any:  # noqa: N802
        if sensor != pynvml.NVML_TEMPERATURE_GPU:
            raise pynvml.NVMLError_InvalidArgument
        return _answer(card.temperature)

    def nvmlDeviceGetUtilizationRates(self, card: FakeCard) -> Any:  # noqa: N802
        return types.SimpleNamespace(gpu=_answer(card.busy), memory=0)

    def nvmlDeviceGetComputeRunningProcesses(self, card: FakeCard) -> Any:  # noqa: N802
        return _processes(card.computing)

    def nvmlDeviceGetGraphicsRunningProcesses(self, card: FakeCard) -> Any:  # noqa: N802
        return _processes(card.drawing)

    def nvmlDeviceGetVirtualizationMode(self, card: FakeCard) -> Any:  # noqa: N802
        return _answer(card.virtualization)

    def nvmlDeviceGetMigMode(self, card: FakeCard) -> list[int]:  # noqa: N802
        if card.slices is None:
            raise pynvml.NVMLError_NotSupported
        return [1, 1]

    def nvmlDeviceGetMaxMigDeviceCount(self, card: FakeCard) -> int:  # noqa: N802
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, card: FakeCard, index: int) -> FakeCard:  # noqa: N802
        if card.slices is None or index >= len(card.slices):
            raise pynvml.NVMLError_NotFound
        return card.slices[index]

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


def _processes(listed: Any) -> list[Any]:
    return [types.SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in _answer(listed)]
