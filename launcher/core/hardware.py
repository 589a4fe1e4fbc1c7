"""What this computer is: the one door to NVML, psutil and the operating system."""

from __future__ import annotations

import os
import platform
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil

from launcher.core.machine import (
    Arch,
    Cpu,
    Gpu,
    GpuProcess,
    Machine,
    Os,
    Vendor,
    Volume,
    cards_in_use,
    is_nvidia,
    simulate,
)

__all__ = [
    "Arch", "Cpu", "Gpu", "GpuProcess", "Machine", "Os", "Vendor", "Volume", "cards_in_use", "is_nvidia", "look",
    "simulate",
]  # fmt: skip

T = TypeVar("T")

_SYSTEMS: dict[str, Os] = {"Windows": "windows", "Linux": "linux", "Darwin": "macos"}
_ARCHITECTURES: dict[str, Arch] = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}
#: seconds; a card that has fallen off the bus lets NVML wait for half a minute
_PATIENCE = 3.5


def look(workspace: Path, *, patience: float = _PATIENCE) -> Machine:
    """This computer, with the free disk of `workspace`'s volume. Never raises, takes five seconds at the most."""
    system = _SYSTEMS.get(platform.system())
    arch = _ARCHITECTURES.get(platform.machine().lower())
    driver, gpus = _within(patience, _nvidia) or (None, ())
    if system == "macos" and arch == "arm64":
        gpus = (Gpu(index=0, vendor="apple", name="Apple Silicon"),)
    return Machine(
        os=system,
        arch=arch,
        python=platform.python_version(),
        ram_mib=_memory(),
        # A network drive that has gone away can keep this question waiting for minutes.
        disk_free_mib=_within(1.0, lambda: _disk_free(workspace)),
        driver=driver,
        gpus=gpus,
        long_paths=_long_paths(),
    )


def _within(seconds: float, question: Callable[[], T]) -> T | None:
    """The answer, or None if it does not come in time; the thread that waits for it ends with the program."""
    answers: list[T] = []
    thread = threading.Thread(target=lambda: answers.append(question()), name="hardware", daemon=True)
    thread.start()
    thread.join(seconds)
    return answers[0] if answers else None


def _nvidia() -> tuple[str | None, tuple[Gpu, ...]]:
    try:
        import pynvml
    except ImportError:
        return None, ()
    try:
        pynvml.nvmlInit()
    # NVML's library may be missing, older than the driver, or unloadable (OSError): there is no card to use then.
    except (pynvml.NVMLError, OSError):
        return None, ()
    try:
        return _told(pynvml.nvmlSystemGetDriverVersion), tuple(_cards(pynvml))
    finally:
        _told(pynvml.nvmlShutdown)


def _cards(nvml: Any) -> Iterator[Gpu]:
    for index in range(_asked(nvml.nvmlDeviceGetCount) or 0):
        handle = _asked(nvml.nvmlDeviceGetHandleByIndex, index)
        if handle is None:
            continue
        memory = _asked(nvml.nvmlDeviceGetMemoryInfo, handle)
        capability = _asked(nvml.nvmlDeviceGetCudaComputeCapability, handle)
        yield Gpu(
            index=index,
            uuid=_told(nvml.nvmlDeviceGetUUID, handle),
            vendor="nvidia",
            name=_told(nvml.nvmlDeviceGetName, handle),
            vram_total_mib=memory and int(memory.total) >> 20,
            vram_free_mib=memory and int(memory.free) >> 20,
            compute_capability=capability and "{}.{}".format(*capability),
        )


def _asked(question: Callable[..., Any], *arguments: Any) -> Any:
    """NVML's answer; None where this card or this driver does not give it (a lost card, an old driver)."""
    import pynvml

    try:
        return question(*arguments)
    except pynvml.NVMLError:
        return None


def _told(question: Callable[..., Any], *arguments: Any) -> str | None:
    """An answer in words, which bindings before 11.5 gave as bytes."""
    answer = _asked(question, *arguments)
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer


def _memory() -> int | None:
    try:
        return psutil.virtual_memory().total >> 20
    except (OSError, psutil.Error):
        return None


def _disk_free(folder: Path) -> int | None:
    """Of the volume on which `folder` is, or will be made."""
    for place in (folder, *folder.parents):
        if os.path.lexists(place):
            try:
                return psutil.disk_usage(str(place)).free >> 20
            except OSError:
                return None
    return None


def _long_paths() -> bool | None:
    if sys.platform != "win32":
        return None
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            return bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])
    except OSError:
        return None
