"""What this computer is: every probe at once, each waited for only so long, put together into one Machine."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import psutil

from launcher.core.hardware.inquiry import Inquiry
from launcher.core.hardware.linux_cards import is_wsl, linux_cards, memory_limit, nvidia_driver_files
from launcher.core.hardware.mac_cards import mac_cards
from launcher.core.hardware.machine import (
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
from launcher.core.hardware.nvml import Nvml, ask_nvml
from launcher.core.hardware.processor import processor
from launcher.core.hardware.volumes import existing, look_at_volumes
from launcher.core.hardware.windows_cards import windows_cards

__all__ = [
    "Arch", "Cpu", "Gpu", "GpuProcess", "Machine", "Os", "Vendor", "Volume", "cards_in_use", "is_nvidia", "look",
    "simulate",
]  # fmt: skip

_SYSTEMS: dict[str, Os] = {"Windows": "windows", "Linux": "linux", "Darwin": "macos"}
_ARCHITECTURES: dict[str, Arch] = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}
#: seconds for all probes together; a card that has fallen off the bus lets NVML wait for half a minute
_PATIENCE = 4.0


def look(workspace: Path, *, patience: float = _PATIENCE) -> Machine:
    """This computer, with the free disk of `workspace`'s volume. Never raises, takes five seconds at the most."""
    deadline = time.monotonic() + patience
    system = _SYSTEMS.get(platform.system())
    arch = _ARCHITECTURES.get(platform.machine().lower())
    ram, available, swap, swap_free = memory_now()
    nvidia = Inquiry(ask_nvml)
    plugged = Inquiry(lambda: _plugged(system, arch, ram, available))
    cpu = Inquiry(lambda: processor(system))
    volumes = Inquiry(lambda: look_at_volumes(workspace, deadline - 0.1))
    writable = Inquiry(lambda: os.access(existing(workspace), os.W_OK))
    told = nvidia.by(deadline) or Nvml("silent")
    others, installed = plugged.by(deadline) or ((), None)
    disks = volumes.by(deadline) or ()
    return Machine(
        os=system,
        arch=arch,
        python=platform.python_version(),
        ram_mib=ram,
        disk_free_mib=next((disk.free_mib for disk in disks if "workspace" in disk.holds and disk.total_mib), None),
        driver=told.driver or installed,
        gpus=merged(told.gpus, others),
        long_paths=_long_paths(),
        wsl=is_wsl() if system == "linux" else None,
        cpu=cpu.by(deadline) or Cpu(),
        ram_available_mib=available,
        swap_mib=swap,
        swap_free_mib=swap_free,
        volumes=disks,
        workspace_writable=writable.by(deadline),
        cuda_driver=told.cuda,
        nvml=told.state,
    )


def merged(nvidia: Iterable[Gpu], plugged: Iterable[Gpu]) -> tuple[Gpu, ...]:
    """NVML's cards, with what the bus adds to them; then the cards that NVML does not see, numbered on."""
    rest = list(plugged)
    found: list[Gpu] = []
    for card in nvidia:
        twin = next((each for each in rest if _same(each, card)), None)
        # The slices of a card (MIG) share its slot.
        if twin and card.partition != "mig":
            rest.remove(twin)
        found.append(replace(card, kernel_driver=twin.kernel_driver, integrated=twin.integrated) if twin else card)
    slots = {card.pci_slot for card in found if card.pci_slot}
    following = max((card.index for card in found if card.index is not None), default=-1) + 1
    others = [card for card in rest if card.pci_slot is None or card.pci_slot not in slots]
    return (*found, *(replace(card, index=following + number) for number, card in enumerate(others)))


def _same(plugged: Gpu, card: Gpu) -> bool:
    """By slot; Windows' list has none, so there by kind."""
    if plugged.pci_slot and card.pci_slot:
        return plugged.pci_slot == card.pci_slot
    return plugged.pci_id is not None and plugged.pci_id == card.pci_id


def _plugged(
    system: Os | None, arch: Arch | None, ram: int | None, available: int | None
) -> tuple[tuple[Gpu, ...], str | None]:
    """The cards that the system lists, and the version of NVIDIA's driver that is installed."""
    if system == "linux":
        return linux_cards(), nvidia_driver_files()
    if system == "macos":
        return mac_cards(arch, ram, available), None
    return windows_cards() if system == "windows" else ((), None)


def memory_now() -> tuple[int | None, int | None, int | None, int | None]:
    """MiB of RAM, of it available, of swap, of it free; in a container what that may use."""
    try:
        ram, swap = psutil.virtual_memory(), psutil.swap_memory()
    except (OSError, psutil.Error, RuntimeError):
        return None, None, None, None
    limit, used = memory_limit() or (ram.total, 0)
    total, available = min(ram.total, limit), min(ram.available, max(0, limit - used))
    return total >> 20, available >> 20, swap.total >> 20, swap.free >> 20


def _long_paths() -> bool | None:
    if sys.platform != "win32":
        return None
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            return bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])
    except OSError:
        return None
