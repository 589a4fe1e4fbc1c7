"""How much memory can be had: on a card, of the computer's, and with what our own running runtime gives back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from launcher.core.hardware.machine import Gpu, Machine
from launcher.core.hardware.pci import read_pci_table
from launcher.core.memory.need import Device, Numbers
from launcher.core.text import Text, t

#: MiB, None for unknown, and what is to be said of how it is known
Free = tuple[int | None, tuple[Text, ...]]


def free_memory(numbers: Numbers, machine: Machine, device: Device, card: Gpu | None) -> Free:
    """What a picture can have on the device; graphics in the processor share the computer's memory."""
    if card is None or device in ("cpu", "mps"):
        return free_ram(machine)
    own, about = _of_card(numbers, machine, card)
    ram, about_ram = free_ram(machine)
    if not shares_memory(card) or ram is None:
        return own, about
    share = min(ram, round((machine.ram_mib or ram) * numbers.devices[device].shared))
    if own is not None and own > share:
        return own, about
    shares = t("{card} shares the computer's memory, which is what counts here.", card=card.name or card.chip)
    return share, (shares, *about_ram)


def shares_memory(card: Gpu) -> bool:
    """It uses the computer's memory; where that is not said, as all chips of its compute capability do (GB10)."""
    if card.integrated is not None or card.compute_capability is None:
        return bool(card.integrated)
    same = [chip for chip in read_pci_table().chips if chip.compute_capability == card.compute_capability]
    return bool(same) and all(chip.integrated for chip in same)


def free_ram(machine: Machine) -> Free:
    """What programs can still take of the computer's memory."""
    if machine.ram_available_mib is not None or machine.ram_mib is None:
        return machine.ram_available_mib, ()
    return machine.ram_mib, (t("Only the whole memory is known, not how much of it is free."),)


def _of_card(numbers: Numbers, machine: Machine, card: Gpu) -> Free:
    if card.vram_free_mib is not None or card.vram_total_mib is None:
        return card.vram_free_mib, ()
    desktop = numbers.desktop_mib.get(machine.os or "", 0)
    about = t(
        "How much of it is free is not known: of all {total} MiB, {desktop} are left to the desktop.",
        total=card.vram_total_mib,
        desktop=desktop,
    )
    return max(0, card.vram_total_mib - desktop), (about,)


def without_own(machine: Machine, own: Collection[int]) -> Machine:
    """`machine` as it will be once the processes `own` have ended: our runtime does before it is started anew."""
    return replace(machine, gpus=tuple(_given_back(gpu, own) for gpu in machine.gpus))


def _given_back(gpu: Gpu, own: Collection[int]) -> Gpu:
    held = [process.vram_mib for process in gpu.processes if process.pid in own]
    if not held:
        return gpu
    known = [mib for mib in held if mib is not None]
    # Windows' drivers do not tell how much it is: then the whole memory is what can be gone by
    free = gpu.vram_free_mib + sum(known) if gpu.vram_free_mib is not None and len(known) == len(held) else None
    return replace(gpu, vram_free_mib=free)
