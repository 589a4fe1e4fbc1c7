"""Which chip a number on the PCI bus is: the table data/pci.toml, and the names that the system itself keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from launcher.core.facts import read_facts
from launcher.core.hardware.machine import Vendor
from launcher.core.paths import checkout

VENDORS: dict[str, Vendor] = {"10de": "nvidia", "1002": "amd", "8086": "intel"}
_MAKERS = {"nvidia": "NVIDIA", "amd": "AMD", "intel": "Intel"}
#: where distributions keep the PCI ID database
_NAMES = ("usr/share/hwdata/pci.ids", "usr/share/misc/pci.ids", "usr/share/pci.ids", "var/lib/pciutils/pci.ids")


@dataclass(frozen=True)
class Chip:
    """One row of data/pci.toml."""

    vendor: Vendor
    chip: str
    architecture: str
    #: device numbers, "1c00" or "1c00-1c70" (both ends belong to it)
    ids: tuple[str, ...]
    compute_capability: str | None = None
    gfx: str | None = None
    integrated: bool = False


@dataclass(frozen=True)
class PciTable:
    """data/pci.toml."""

    #: when, "2026-11-21"
    read: str
    chips: tuple[Chip, ...]


@cache
def read_pci_table() -> PciTable:
    """The table as shipped; LauncherError `bad-facts` if somebody has changed it for the worse."""
    return read_facts(checkout() / "launcher/data/pci.toml", PciTable)


def chip_of(pci_id: str | None) -> Chip | None:
    """The chip behind "10de:1c03"; None if the table does not know it."""
    vendor, _, device = (pci_id or "").partition(":")
    try:
        return _chips().get((VENDORS.get(vendor), int(device, 16)))
    except ValueError:  # its number could not be read
        return None


@cache
def _chips() -> dict[tuple[Vendor | None, int], Chip]:
    return {(chip.vendor, number): chip for chip in read_pci_table().chips for number in _numbers(chip)}


def _numbers(chip: Chip) -> Iterator[int]:
    for span in chip.ids:
        first, _, last = span.partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)


def name_of(pci_id: str, root: Path = Path("/")) -> str | None:
    """ "NVIDIA GeForce GTX 1060 6GB" from the system's database, else "NVIDIA GP106"; None for an unknown number."""
    vendor, _, device = pci_id.partition(":")
    maker = _MAKERS.get(VENDORS.get(vendor, ""))
    told = _told(vendor, device, root)
    chip = chip_of(pci_id)
    said = told or (chip.chip if chip else None)
    return f"{maker} {said}" if maker and said else None


def _told(vendor: str, device: str, root: Path) -> str | None:
    """What the first of the system's databases says; of "GP106 [GeForce GTX 1060 6GB]" what is in brackets."""
    for place in _NAMES:
        try:
            lines = (root / place).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        name = _found(lines, vendor, device)
        if name:
            return name[name.index("[") + 1 : name.rindex("]")] if "[" in name and "]" in name else name
    return None


def _found(lines: list[str], vendor: str, device: str) -> str | None:
    inside = False
    for line in lines:
        if line[:1] not in ("\t", "#", ""):
            if inside:
                return None
            inside = line.startswith(f"{vendor} ")
        elif inside and line.startswith(f"\t{device} "):
            return line[6:].strip()
    return None
