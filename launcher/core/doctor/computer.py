"""Checks of what the computer has: free disks, memory, page file."""

from __future__ import annotations

import contextlib

from launcher.amounts import in_mib
from launcher.core.doctor.check import Verdict, sentences, unknown, well, wrong
from launcher.core.doctor.ground import Ground, UntoldError
from launcher.core.doctor.page_file import PageFile, page_file
from launcher.core.errors import LauncherError
from launcher.core.hardware.machine import Machine, Volume
from launcher.core.pytorch.table import read_torch_table
from launcher.core.text import Text, t

#: MiB that must be free for temporary files, and in the home folder, where programs keep a few settings
_TEMP, _HOME = 256, 64
#: MiB of memory and page file together below which loading a model of 4 to 7 GB fails: Windows promises no more than
#: there is, other systems promise first and end programs later
_WINDOWS, _OTHERS = 16384, 6144
#: with so much memory Windows needs no page file for it
_ENOUGH = 32768
#: MiB of both that must be free for a small model
_FREE = 2048
_NAMES = {
    "workspace": t("the disk of Gesso's folder"),
    "temp": t("the disk of temporary files"),
    "home": t("the disk of your home folder"),
}
_SPACE = t("Free some space, or choose a folder on another disk with --root.")
_PAGE_FILE = t(
    "Windows Settings > System > About > Advanced system settings > Performance > Settings > Advanced > Virtual memory "
    '> Change: tick "Automatically manage paging file size for all drives", press OK and restart the computer.'
)


def disk(ground: Ground) -> Verdict:
    """What a plan needs where it is needed, and a little elsewhere."""
    machine, needed = ground.machine, _needed(ground)
    least = {"workspace": needed, "temp": _TEMP, "home": _HOME}
    short = [(name, volume) for name in least if (volume := machine.volume_of(name)) and _is_short(volume, least[name])]
    if short:
        told = sentences(_shortage(name, volume, least[name]) for name, volume in short)
        ours = machine.volume_of("workspace") in [volume for _, volume in short]
        return wrong(told, _SPACE, "free-space" if ours else None, folder=ground.workspace.root, needed_mib=needed)
    if machine.disk_free_mib is None:
        return unknown(t("The system does not tell how much is free."))
    return well(
        t("{free} are free, and {needed} are needed.", free=in_mib(machine.disk_free_mib), needed=in_mib(needed))
    )


def _needed(ground: Ground) -> int:
    """What the plan needs, and always the reserve."""
    reserve = read_torch_table().reserve_mib
    with contextlib.suppress(UntoldError, LauncherError):
        return max(reserve, ground.proposal.plan.disk_needed_mib or 0)
    return reserve


def _is_short(volume: Volume, needed: int) -> bool:
    return volume.free_mib is not None and volume.free_mib < needed


def _shortage(name: str, volume: Volume, needed: int) -> Text:
    return t(
        "On {what} ({path}) {free} are free, and {needed} are needed.",
        what=_NAMES[name],
        path=volume.path,
        free=in_mib(volume.free_mib or 0),
        needed=in_mib(needed),
    )


def memory(ground: Ground) -> Verdict:
    """Enough to load a model, all in all and at this moment."""
    return of_memory(ground.machine, page_file())


def of_memory(machine: Machine, paging: PageFile | None) -> Verdict:
    """`paging` is how Windows' page file is set; None: another system, or it does not tell."""
    if machine.ram_mib is None:
        return unknown(t("The system does not tell how much memory there is."))
    if machine.os == "windows" and (short := _short_of_page_file(machine.ram_mib, machine.swap_mib, paging)):
        return short
    both = machine.ram_mib + (machine.swap_mib or 0)
    told = t(
        "{ram} of memory and {swap} of page file or swap, of which {free} are free now.",
        ram=in_mib(machine.ram_mib),
        swap=in_mib(machine.swap_mib or 0),
        free=in_mib((machine.ram_available_mib or 0) + (machine.swap_free_mib or 0)),
    )
    if machine.os != "windows" and both < _OTHERS:
        text = t("That is little: use small models (2 GB), and let the system have swap of 8 GB or more.")
        return wrong(told, text)
    if machine.ram_available_mib is not None and machine.ram_available_mib + (machine.swap_free_mib or 0) < _FREE:
        return wrong(told, t("Close other programs before you draw: browsers hold the most."))
    return well(told)


def _short_of_page_file(ram: int, swap: int | None, paging: PageFile | None) -> Verdict | None:
    if paging is None and swap is None:
        return None
    managed, most = (False, swap or 0) if paging is None else (paging.managed, paging.most_mib)
    if managed or ram >= _ENOUGH or ram + most >= _WINDOWS:
        return None
    told = t(
        "Windows may use {ram} of memory and {most} of page file: with large models that ends with "
        '"The paging file is too small" (error 1455).',
        ram=in_mib(ram),
        most=in_mib(most),
    )
    return wrong(told, _PAGE_FILE)
