"""A computer as lines for people: system, processor, memory, disks, cards and what is wrong with their drivers."""

from __future__ import annotations

from collections.abc import Iterator

from launcher.amounts import in_mib
from launcher.core.hardware.machine import Cpu, Gpu, Machine, Volume
from launcher.core.pytorch.driver_state import driver_trouble
from launcher.core.text import Text, t

_UNKNOWN = t("unknown")
_SYSTEMS = {"windows": "Windows", "linux": "Linux", "macos": "macOS"}
_PURPOSES = {"workspace": t("the workspace"), "temp": t("temporary files"), "home": t("your home folder")}


def of_machine(machine: Machine) -> Iterator[Text]:
    """One line each, those of a card's processes and troubles set in below it."""
    system = _SYSTEMS.get(machine.os or "", _UNKNOWN)
    yield t(
        "System: {os} on {arch}, Python {python}",
        os=t("Linux inside Windows (WSL)") if machine.wsl else system,
        arch=_or(machine.arch),
        python=_or(machine.python),
    )
    yield from _processor(machine.cpu)
    yield from _memory(machine)
    yield from _disks(machine)
    if not machine.gpus:
        yield t("Graphics card: none")
    for gpu in machine.gpus:
        yield from _card(machine, gpu)
    if machine.driver:
        cuda = machine.cuda_driver
        line = t("NVIDIA driver: {driver}", driver=machine.driver)
        yield t("{line}, for CUDA up to {cuda}", line=line, cuda=cuda) if cuda else line


def _processor(cpu: Cpu) -> Iterator[Text]:
    if cpu.name or cpu.cores or cpu.features:
        yield t(
            "Processor: {name}, {cores} cores, {features}",
            name=_or(cpu.name),
            cores=_or(cpu.cores),
            features=_or(cpu.features and " ".join(cpu.features)),
        )


def _memory(machine: Machine) -> Iterator[Text]:
    line = t("Memory: {memory}", memory=_free_of(machine.ram_available_mib, machine.ram_mib, _UNKNOWN))
    if machine.swap_mib is None:
        yield line
    elif machine.os == "windows":
        yield t("{line}; page file {size}", line=line, size=_size(machine.swap_mib))
    else:
        yield t("{line}; swap {size}", line=line, size=_size(machine.swap_mib))


def _disks(machine: Machine) -> Iterator[Text]:
    if not machine.volumes:
        yield t("Free disk: {size}", size=_size(machine.disk_free_mib))
    for volume in machine.volumes:
        yield _disk(volume)


def _disk(volume: Volume) -> Text:
    holds: Text | str = ""
    for purpose in volume.holds:
        name = _PURPOSES.get(purpose, purpose)
        holds = t("{one}, {other}", one=holds, other=name) if holds else name
    line = t(
        "Disk {path}: {space}, {kind}, for {holds}",
        path=volume.path,
        space=_free_of(volume.free_mib, volume.total_mib, _UNKNOWN),
        kind=_or(volume.file_system),
        holds=holds or _UNKNOWN,
    )
    marks = (
        (volume.network, t("it is on another computer")),
        (volume.removable, t("it is removable")),
        (volume.read_only, t("it cannot be written")),
    )
    for there, mark in marks:
        if there:
            line = t("{line}; {mark}", line=line, mark=mark)
    return line


def _card(machine: Machine, gpu: Gpu) -> Iterator[Text]:
    yield t(
        "Graphics card {index}: {name}, {memory}",
        index=_or(gpu.index),
        name=_or(gpu.name or gpu.pci_id),
        memory=_free_of(gpu.vram_free_mib, gpu.vram_total_mib, t("memory unknown")),
    )
    if gpu.compute_capability:
        yield t(
            "  architecture {name}, compute capability {capability}",
            name=_or(gpu.architecture),
            capability=gpu.compute_capability,
        )
    if gpu.gfx:
        yield t("  architecture {name}, instruction set {gfx}", name=_or(gpu.architecture), gfx=gpu.gfx)
    if gpu.integrated:
        yield t("  a part of the processor; it uses the computer's memory")
    if gpu.partition == "mig":
        yield t("  a slice of a card (MIG)")
    if gpu.partition == "vgpu":
        yield t("  a share of a card, lent to this virtual machine (vGPU)")
    if gpu.temperature_c is not None and gpu.utilisation_percent is not None:
        yield t("  {heat} °C, busy {busy} %", heat=gpu.temperature_c, busy=gpu.utilisation_percent)
    for process in gpu.processes:
        size = _size(process.vram_mib)
        yield t("  {name} (process {pid}) holds {size}", name=_or(process.name), pid=process.pid, size=size)
    trouble = driver_trouble(machine, gpu)
    if trouble:
        yield t("  {message} [{slug}]", message=trouble.message, slug=trouble.slug)


def _free_of(free: int | None, total: int | None, nothing: Text) -> Text | str:
    """As much as is known of it."""
    if total is None:
        return nothing if free is None else t("{free} free", free=in_mib(free))
    return in_mib(total) if free is None else t("{free} of {total} free", free=in_mib(free), total=in_mib(total))


def _size(mib: int | None) -> object:
    return _UNKNOWN if mib is None else in_mib(mib)


def _or(value: object) -> object:
    return _UNKNOWN if value is None or value == "" else value
