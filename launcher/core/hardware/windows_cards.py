"""Graphics cards as Windows lists them: its management service knows which are there, its registry how large."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from launcher.core.hardware.inquiry import answer_of
from launcher.core.hardware.machine import Gpu, nvidia_version
from launcher.core.hardware.pci import VENDORS, chip_of, name_of

#: the class of display adapters
_CLASS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
_QUESTION = (
    "[Console]::OutputEncoding=[Text.Encoding]::UTF8;"
    "Get-CimInstance Win32_VideoController|"
    "Select-Object Name,PNPDeviceID,AdapterCompatibility,DriverVersion|ConvertTo-Json -Compress"
)
_ID = re.compile(r"ven_([0-9a-f]{4})&dev_([0-9a-f]{4})", re.IGNORECASE)
#: seconds, less than hardware.py waits, so that the registry's word counts where this one does not come
_PATIENCE = 3.0


@dataclass(frozen=True)
class Adapter:
    """One display adapter, as either source has it."""

    pci_id: str
    #: "NVIDIA GeForce GTX 1060"; without a driver "Microsoft Basic Display Adapter"
    name: str | None = None
    #: who wrote the driver, "NVIDIA"
    maker: str | None = None
    #: Windows' number of it, "32.0.15.8142"
    driver: str | None = None
    vram_mib: int | None = None


def windows_cards() -> tuple[tuple[Gpu, ...], str | None]:
    """The cards and the version of NVIDIA's driver; nothing on other systems."""
    if sys.platform != "win32":
        return (), None
    registry = tuple(_registry())
    present = adapters(
        answer_of(["powershell", "-NoProfile", "-NonInteractive", "-Command", _QUESTION], _PATIENCE) or ""
    )
    return cards(present, registry), nvidia_driver(present or registry)


def adapters(answer: str) -> tuple[Adapter, ...]:
    """PowerShell's JSON, a list or one object; () if it is neither."""
    try:
        found = json.loads(answer)
    except ValueError:
        return ()
    rows = found if isinstance(found, list) else [found]
    return tuple(adapter for row in rows if isinstance(row, dict) and (adapter := _adapter(row)) is not None)


def cards(present: tuple[Adapter, ...], registry: tuple[Adapter, ...]) -> tuple[Gpu, ...]:
    """Those that are there (if the service did not answer: that ever were there), with the registry's sizes."""
    sizes = {adapter.pci_id: adapter.vram_mib for adapter in registry if adapter.vram_mib}
    return tuple(_card(adapter, sizes.get(adapter.pci_id)) for adapter in present or registry)


def nvidia_driver(found: tuple[Adapter, ...]) -> str | None:
    """The version that the first of its cards has, as NVIDIA counts."""
    ours = (each for each in found if each.pci_id.startswith("10de:") and "nvidia" in (each.maker or "").lower())
    return next((version for each in ours if (version := nvidia_version(each.driver))), None)


def _card(adapter: Adapter, vram: int | None) -> Gpu:
    chip = chip_of(adapter.pci_id)
    foreign = adapter.name is None or "microsoft" in adapter.name.lower()
    return Gpu(
        vendor=VENDORS[adapter.pci_id[:4]],
        name=name_of(adapter.pci_id) if foreign else adapter.name,
        vram_total_mib=vram,
        compute_capability=chip.compute_capability if chip else None,
        architecture=chip.architecture if chip else None,
        chip=chip.chip if chip else None,
        pci_id=adapter.pci_id,
        gfx=chip.gfx if chip else None,
        integrated=chip.integrated if chip else False if adapter.pci_id.startswith("10de") else None,
        # Its stand-in for a missing driver.
        kernel_driver="BasicDisplay" if foreign else None,
        seen_by="bus",
    )


def _adapter(row: Mapping[str, Any]) -> Adapter | None:
    number = _ID.search(str(row.get("PNPDeviceID") or ""))
    if number is None or number[1].lower() not in VENDORS:
        return None
    return Adapter(
        f"{number[1]}:{number[2]}".lower(),
        row.get("Name") or None,
        row.get("AdapterCompatibility") or None,
        row.get("DriverVersion") or None,
    )


def _registry() -> Iterator[Adapter]:
    if sys.platform != "win32":
        return
    import winreg

    with contextlib.suppress(OSError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _CLASS) as folder:
        for number in range(winreg.QueryInfoKey(folder)[0]):
            # Its subkey "Properties" is the system's own.
            with contextlib.suppress(OSError), winreg.OpenKey(folder, winreg.EnumKey(folder, number)) as key:
                values = (winreg.EnumValue(key, each) for each in range(winreg.QueryInfoKey(key)[1]))
                adapter = from_registry({name: value for name, value, _ in values})
                if adapter:
                    yield adapter


def from_registry(values: Mapping[str, Any]) -> Adapter | None:
    """One numbered key of the class, as its values' names and contents."""
    found = _adapter(
        {
            "PNPDeviceID": values.get("MatchingDeviceId"),
            "Name": values.get("DriverDesc"),
            "AdapterCompatibility": values.get("ProviderName"),
            "DriverVersion": values.get("DriverVersion"),
        }
    )
    size = values.get("HardwareInformation.qwMemorySize")
    if found is None or not isinstance(size, int):
        return found
    return Adapter(found.pci_id, found.name, found.maker, found.driver, size >> 20)
