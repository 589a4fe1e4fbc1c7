"""What this computer is: the one door to NVML, psutil and the operating system."""

from __future__ import annotations

import os
import platform
import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import psutil

from launcher.core.errors import LauncherError
from launcher.core.facts import read_facts
from launcher.core.text import t

Os = Literal["windows", "linux", "macos"]
Arch = Literal["x86_64", "arm64"]
Vendor = Literal["nvidia", "amd", "intel", "apple"]
T = TypeVar("T")

_SYSTEMS: dict[str, Os] = {"Windows": "windows", "Linux": "linux", "Darwin": "macos"}
_ARCHITECTURES: dict[str, Arch] = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}
#: seconds; a card that has fallen off the bus lets NVML wait for half a minute
_PATIENCE = 3.5


@dataclass(frozen=True)
class Gpu:
    """One graphics card; None is unknown."""

    index: int | None = None
    uuid: str | None = None
    vendor: Vendor | None = None
    name: str | None = None
    #: MiB
    vram_total_mib: int | None = None
    vram_free_mib: int | None = None
    #: NVIDIA's, as "8.6"
    compute_capability: str | None = None


@dataclass(frozen=True)
class Machine:
    """A computer, this one or a simulated one; None is unknown."""

    os: Os | None = None
    arch: Arch | None = None
    #: version of the interpreter the launcher stands on, "3.11.7"
    python: str | None = None
    ram_mib: int | None = None
    #: free on the workspace's volume
    disk_free_mib: int | None = None
    #: NVIDIA's driver
    driver: str | None = None
    gpus: tuple[Gpu, ...] = ()
    #: Windows: paths of more than 259 characters work
    long_paths: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """The shape of `gesso hardware --json`."""
        return {**asdict(self), "gpus": [asdict(gpu) for gpu in self.gpus]}


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


def simulate(file: Path) -> Machine:
    """The computer described in a TOML or JSON file; LauncherError `bad-facts` if it says something unknown."""
    machine = read_facts(file, Machine)
    for number, gpu in enumerate(machine.gpus):
        if gpu.compute_capability is not None and not re.fullmatch(r"\d{1,3}\.\d{1,2}", gpu.compute_capability):
            raise LauncherError(
                "bad-facts",
                t(
                    '{file}: "{key}" is "{value}".',
                    file=file,
                    key=f"gpus[{number}].compute_capability",
                    value=gpu.compute_capability,
                ),
                t('Write it as NVIDIA does: two numbers with a point, "8.6".'),
            )
    return machine


def cards_in_use(machine: Machine, wanted: str | None) -> tuple[Gpu, ...]:
    """All cards, or the one that `wanted` names by index or UUID; LauncherError `gpu-unknown` if there is none."""
    if wanted is None:
        return machine.gpus
    numbered = [(str(place if gpu.index is None else gpu.index), gpu) for place, gpu in enumerate(machine.gpus)]
    for index, gpu in numbered:
        if wanted == index or (gpu.uuid and wanted.lower() == gpu.uuid.lower()):
            return (gpu,)
    there = ", ".join(f"{index}: {gpu.name}" for index, gpu in numbered)
    raise LauncherError(
        "gpu-unknown",
        t('There is no graphics card "{wanted}".', wanted=wanted),
        t("There is: {cards}.", cards=there) if there else t("This computer shows no graphics card; leave out --gpu."),
    )


def is_nvidia(gpu: Gpu) -> bool:
    """Only NVIDIA's cards have a compute capability."""
    return gpu.vendor == "nvidia" or (gpu.vendor is None and gpu.compute_capability is not None)


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
