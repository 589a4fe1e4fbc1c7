"""A computer as the launcher knows it, this one or a simulated one: data alone; None is unknown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from launcher.core.errors import LauncherError
from launcher.core.facts import read_facts
from launcher.core.text import Text, t

Os = Literal["windows", "linux", "macos"]
Arch = Literal["x86_64", "arm64"]
Vendor = Literal["nvidia", "amd", "intel", "apple"]
#: nvml: its driver answers for it; bus: it is plugged in, but NVIDIA's driver says nothing of it or has no say;
#: system: the operating system told
SeenBy = Literal["nvml", "bus", "system"]
#: What NVIDIA's management library said when it was asked. absent: there is no such library, so no driver is
#: installed; not-loaded: it is installed, but its kernel part does not run (as when it ignores every card here);
#: mismatch: it was updated and the computer not yet restarted; refused: this user may not ask; silent: no answer came
NvmlState = Literal["answers", "absent", "not-loaded", "mismatch", "refused", "silent", "failed"]


@dataclass(frozen=True)
class GpuProcess:
    """A process that holds memory of a card."""

    pid: int
    name: str | None = None
    #: MiB; Windows' drivers do not tell it
    vram_mib: int | None = None


@dataclass(frozen=True)
class Gpu:
    """One graphics card; None is unknown."""

    index: int | None = None
    uuid: str | None = None
    vendor: Vendor | None = None
    name: str | None = None
    #: MiB; of Apple's chips the memory that all processors share
    vram_total_mib: int | None = None
    vram_free_mib: int | None = None
    #: NVIDIA's, as "8.6"
    compute_capability: str | None = None
    #: "turing", "rdna3", "alchemist" …: launcher/data/pci.toml has the names
    architecture: str | None = None
    #: the maker's name of the chip, "TU116"
    chip: str | None = None
    #: vendor and device on the bus, four hexadecimal digits each: "10de:1c03"
    pci_id: str | None = None
    #: where it is plugged in, as "0000:01:00.0"
    pci_slot: str | None = None
    #: AMD's name of the instruction set, "gfx1100"
    gfx: str | None = None
    #: degrees Celsius
    temperature_c: int | None = None
    #: of the time during which it computed, 0 to 100
    utilisation_percent: int | None = None
    #: what holds its memory; () also where the driver does not tell
    processes: tuple[GpuProcess, ...] = ()
    #: it is a part of the processor and uses the computer's memory
    integrated: bool | None = None
    #: a slice of a card (MIG), or one lent to a virtual machine (vGPU)
    partition: Literal["mig", "vgpu"] | None = None
    #: the system's driver that holds it: "nvidia", "nouveau", "amdgpu", "vfio-pci"
    kernel_driver: str | None = None
    seen_by: SeenBy | None = None


@dataclass(frozen=True)
class Cpu:
    """The processor."""

    name: str | None = None
    #: cores, and threads that they run at once
    cores: int | None = None
    threads: int | None = None
    #: Of hardware.processor.FEATURES those that are there, in Linux' spelling ("avx2", "avx512_bf16", "amx_tile").
    features: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Volume:
    """A disk, or what the system treats as one, with the folders of ours that lie on it."""

    #: its mount point or drive
    path: str
    #: of "workspace", "temp" and "home" those that are on it
    holds: tuple[str, ...] = ()
    #: "ext4", "NTFS", "exFAT", "nfs4"
    file_system: str | None = None
    total_mib: int | None = None
    free_mib: int | None = None
    #: it is on another computer
    network: bool | None = None
    removable: bool | None = None
    read_only: bool | None = None
    #: it was mounted so that no program on it runs
    noexec: bool | None = None


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
    #: Linux inside Windows: `os` is linux, the driver is Windows'
    wsl: bool | None = None
    cpu: Cpu = Cpu()
    #: what programs can still take without swapping
    ram_available_mib: int | None = None
    #: swap space; on Windows the page files
    swap_mib: int | None = None
    swap_free_mib: int | None = None
    volumes: tuple[Volume, ...] = ()
    #: this user may write in the workspace, or make it
    workspace_writable: bool | None = None
    #: the newest CUDA that NVIDIA's driver serves, "13.0"; never a reason to choose a build by
    cuda_driver: str | None = None
    nvml: NvmlState | None = None

    def to_json(self) -> dict[str, Any]:
        """The shape of `gesso hardware --json`."""
        return asdict(self)

    def volume_of(self, purpose: str) -> Volume | None:
        """The volume that holds the "workspace", "temp" or "home"."""
        return next((volume for volume in self.volumes if purpose in volume.holds), None)


def simulate(file: Path) -> Machine:
    """The computer described in a TOML or JSON file; LauncherError `bad-facts` if it says something unknown."""
    machine = read_facts(file, Machine)
    machine = replace(machine, driver=nvidia_version(machine.driver) or machine.driver)
    for key, value, pattern, form in _forms(machine):
        if value is not None and not re.fullmatch(pattern, value, re.ASCII):
            message = t('{file}: "{key}" is "{value}".', file=file, key=key, value=value[:80])
            raise LauncherError("bad-facts", message, form)
    for key, size in _sizes(machine):
        if size is not None and not 0 <= size <= _MOST_MIB:
            message = t('{file}: "{key}" is "{value}".', file=file, key=key, value=f"{size:.20g}")
            raise LauncherError("bad-facts", message, t("Write a size in MiB, from 0 to {most}.", most=_MOST_MIB))
    for number, gpu in enumerate(machine.gpus):
        if gpu.vendor is None and gpu.pci_id is None and gpu.compute_capability is None:
            message = t('{file}: "{key}" is missing.', file=file, key=f"gpus[{number}].vendor")
            raise LauncherError("bad-facts", message, t("Write nvidia, amd, intel or apple."))
    return machine


def nvidia_version(driver: str | None) -> str | None:
    """Windows gives NVIDIA's own number in the last five digits of its: "32.0.15.8142" is 581.42; None: it is none."""
    found = re.fullmatch(r"\d{1,3}\.\d{1,3}\.\d{0,2}(\d)\.(\d\d)(\d\d)", driver or "")
    return f"{found[1]}{found[2]}.{found[3]}" if found else None


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


_CAPABILITY = t('Write it as NVIDIA does: two numbers with a point, "8.6".')
_PCI_ID = t('Write vendor and device with four hexadecimal digits each, "10de:1c03".')


_NAME = t("Write it on one line, without control characters.")
_DRIVER = t('Write the version as NVIDIA does, "580.95.05" or "581.42".')
#: 16 exbibytes
_MOST_MIB = 1 << 44


def _sizes(machine: Machine) -> Iterator[tuple[str, int | None]]:
    """Every size in MiB, with its key."""
    places: list[tuple[str, Machine | Gpu | Volume]] = [("", machine)]
    places += [(f"gpus[{number}].", gpu) for number, gpu in enumerate(machine.gpus)]
    places += [(f"volumes[{number}].", volume) for number, volume in enumerate(machine.volumes)]
    for place, each in places:
        yield from (
            (f"{place}{field.name}", getattr(each, field.name)) for field in fields(each) if "_mib" in field.name
        )


def _forms(machine: Machine) -> Iterator[tuple[str, str | None, str, Text]]:
    """Each key whose text has a form: its value, the form as a pattern and in words."""
    yield "driver", machine.driver, r"\d{2,4}(\.\d{1,4}){0,3}", _DRIVER
    for number, gpu in enumerate(machine.gpus):
        yield f"gpus[{number}].compute_capability", gpu.compute_capability, r"\d{1,3}\.\d{1,2}", _CAPABILITY
        yield f"gpus[{number}].name", gpu.name, r"[^\x00-\x1f\x7f-\x9f]*", _NAME
        yield f"gpus[{number}].pci_id", gpu.pci_id, r"[0-9a-f]{4}:[0-9a-f]{4}", _PCI_ID
