"""The one door to NVML, NVIDIA's management library: what its driver says of itself and of each card."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import psutil

from launcher.core.hardware.machine import Gpu, GpuProcess, NvmlState
from launcher.core.hardware.pci import chip_of

#: NVML's numbers (nvml.h, NVML_DEVICE_ARCH_*)
_ARCHITECTURES = {
    2: "kepler", 3: "maxwell", 4: "pascal", 5: "volta", 6: "turing", 7: "ampere", 8: "ada", 9: "hopper",
    10: "blackwell",
}  # fmt: skip
#: NVML_GPU_VIRTUALIZATION_MODE_VGPU: a virtual machine has a share of the card
_VGPU = 2


@dataclass(frozen=True)
class Nvml:
    """What the library answered."""

    state: NvmlState | None = None
    driver: str | None = None
    #: the newest CUDA that the driver serves, "13.0"
    cuda: str | None = None
    gpus: tuple[Gpu, ...] = ()


def ask_nvml() -> Nvml:
    """All cards with all they tell; state None: the launcher's own environment has no binding. May take half a minute
    when a card has fallen off the bus.
    """
    try:
        import pynvml
    except ImportError:
        return Nvml()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return Nvml(_state(pynvml, error))
    # The library is there and cannot be loaded (another machine's, a broken file).
    except OSError:
        return Nvml("failed")
    try:
        gpus = tuple(card for index in range(_asked(pynvml.nvmlDeviceGetCount) or 0) for card in _cards(pynvml, index))
        return Nvml("answers", _told(pynvml.nvmlSystemGetDriverVersion), _cuda(pynvml), gpus)
    finally:
        _asked(pynvml.nvmlShutdown)


def watch_nvml() -> Generator[tuple[Gpu, ...], None, None]:
    """All cards as often as the caller asks, over one opening of the library; nothing where it does not answer."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except (ImportError, OSError):
        return
    except pynvml.NVMLError:
        return
    try:
        while True:
            count = _asked(pynvml.nvmlDeviceGetCount) or 0
            yield tuple(card for index in range(count) for card in _cards(pynvml, index))
    finally:
        _asked(pynvml.nvmlShutdown)


def _state(nvml: ModuleType, error: Exception) -> NvmlState:
    if isinstance(error, nvml.NVMLError_LibraryNotFound):
        return "absent"
    if isinstance(error, nvml.NVMLError_DriverNotLoaded):
        return "not-loaded"
    if isinstance(error, nvml.NVMLError_LibRmVersionMismatch):
        return "mismatch"
    return "refused" if isinstance(error, nvml.NVMLError_NoPermission) else "failed"


def _cuda(nvml: ModuleType) -> str | None:
    """13000 is 13.0."""
    version = _asked(nvml.nvmlSystemGetCudaDriverVersion_v2)
    return f"{version // 1000}.{version % 1000 // 10}" if version else None


def _cards(nvml: ModuleType, index: int) -> Iterator[Gpu]:
    """The card; of one that is cut into slices (MIG) the slices, because a program gets one of these."""
    handle = _asked(nvml.nvmlDeviceGetHandleByIndex, index)
    if handle is None:
        return
    mode = _asked(nvml.nvmlDeviceGetMigMode, handle)
    sliced = bool(mode and mode[0])
    whole = _card(nvml, index, handle, sliced=sliced)
    slices = list(_slices(nvml, handle, whole)) if sliced else []
    yield from slices or [whole]


def _slices(nvml: ModuleType, handle: Any, whole: Gpu) -> Iterator[Gpu]:
    for number in range(_asked(nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
        part = _asked(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, number)
        if part is None:
            continue
        memory = _asked(nvml.nvmlDeviceGetMemoryInfo, part)
        yield replace(
            whole,
            uuid=_told(nvml.nvmlDeviceGetUUID, part),
            name=_told(nvml.nvmlDeviceGetName, part) or whole.name,
            vram_total_mib=memory and int(memory.total) >> 20,
            vram_free_mib=memory and int(memory.free) >> 20,
            # These are the whole card's, whose other slices are other people's.
            utilisation_percent=None,
            processes=tuple(_processes(nvml, part)),
        )


def _card(nvml: ModuleType, index: int, handle: Any, *, sliced: bool) -> Gpu:
    memory = _asked(nvml.nvmlDeviceGetMemoryInfo, handle)
    capability = _asked(nvml.nvmlDeviceGetCudaComputeCapability, handle)
    place = _asked(nvml.nvmlDeviceGetPciInfo, handle)
    busy = _asked(nvml.nvmlDeviceGetUtilizationRates, handle)
    lent = _asked(nvml.nvmlDeviceGetVirtualizationMode, handle) == _VGPU
    pci_id = place and f"{place.pciDeviceId & 0xFFFF:04x}:{place.pciDeviceId >> 16:04x}"
    chip = chip_of(pci_id)
    return Gpu(
        index=index,
        uuid=_told(nvml.nvmlDeviceGetUUID, handle),
        vendor="nvidia",
        name=_told(nvml.nvmlDeviceGetName, handle),
        vram_total_mib=memory and int(memory.total) >> 20,
        vram_free_mib=memory and int(memory.free) >> 20,
        compute_capability=capability and "{}.{}".format(*capability),
        architecture=_ARCHITECTURES.get(_asked(nvml.nvmlDeviceGetArchitecture, handle)),
        chip=chip.chip if chip else None,
        pci_id=pci_id,
        pci_slot=place and _slot(place.busId),
        temperature_c=_asked(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
        utilisation_percent=busy and int(busy.gpu),
        processes=tuple(_processes(nvml, handle)),
        partition="mig" if sliced else "vgpu" if lent else None,
        seen_by="nvml",
    )


def _slot(bus: str | bytes) -> str:
    """NVML's "00000000:01:00.0" as Linux writes it, "0000:01:00.0"."""
    text = bus.decode("ascii", "replace") if isinstance(bus, bytes) else bus
    domain, _, rest = text.lower().partition(":")
    return f"{domain[-4:]}:{rest}"


def _processes(nvml: ModuleType, handle: Any) -> Iterator[GpuProcess]:
    """Who computes and who draws on the card, each once, the largest first."""
    found: dict[int, int | None] = {}
    for question in (nvml.nvmlDeviceGetComputeRunningProcesses, nvml.nvmlDeviceGetGraphicsRunningProcesses):
        for process in _asked(question, handle) or ():
            used = process.usedGpuMemory
            found[int(process.pid)] = found.get(int(process.pid)) if used is None else int(used) >> 20
    for pid, used in sorted(found.items(), key=lambda item: -(item[1] or 0)):
        yield GpuProcess(pid, _name(pid), used)


def _name(pid: int) -> str | None:
    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return None


def _asked(question: Callable[..., Any], *arguments: Any) -> Any:
    """NVML's answer; None where this card or this driver does not give it (a lost card, an old driver)."""
    import pynvml

    try:
        return question(*arguments)
    except (pynvml.NVMLError, pynvml.NVMLLibraryMismatchError):
        return None


def _told(question: Callable[..., Any], *arguments: Any) -> str | None:
    """An answer in words, which bindings before 11.5 gave as bytes."""
    answer = _asked(question, *arguments)
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
