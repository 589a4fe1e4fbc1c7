"""What a Mac draws with: its own chip, or on Intel's the cards that system_profiler names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from launcher.core.hardware.inquiry import answer_of
from launcher.core.hardware.machine import Arch, Gpu
from launcher.core.hardware.pci import VENDORS, chip_of

#: seconds; system_profiler needs one or two
_PATIENCE = 3.0


def mac_cards(arch: Arch | None, ram_mib: int | None, free_mib: int | None) -> tuple[Gpu, ...]:
    """The chip of Apple Silicon, whose memory is the computer's; else the list of the cards."""
    if arch == "arm64":
        name = answer_of(["sysctl", "-n", "machdep.cpu.brand_string"], _PATIENCE)
        return (apple_chip(name, ram_mib, free_mib),)
    return listed_cards(answer_of(["system_profiler", "SPDisplaysDataType", "-json"], _PATIENCE) or "")


def apple_chip(brand: str | None, ram_mib: int | None, free_mib: int | None) -> Gpu:
    """Of "Apple M1 Pro"."""
    return Gpu(
        index=0,
        vendor="apple",
        name=(brand or "").strip() or "Apple Silicon",
        vram_total_mib=ram_mib,
        vram_free_mib=free_mib,
        integrated=True,
        seen_by="system",
    )


def listed_cards(answer: str) -> tuple[Gpu, ...]:
    """system_profiler's JSON; () if it is none."""
    try:
        rows = json.loads(answer)["SPDisplaysDataType"]
    except (ValueError, KeyError, TypeError):
        return ()
    return tuple(_card(row) for row in rows if isinstance(row, dict))


def _card(row: Mapping[str, Any]) -> Gpu:
    device = re.fullmatch(r"0x([0-9a-fA-F]{4})", str(row.get("spdisplays_device-id", "")))
    said = str(row.get("spdisplays_vendor", "")).lower()
    number = next((each for each, maker in VENDORS.items() if maker in said or each in said), None)
    pci_id = f"{number}:{device[1].lower()}" if number and device else None
    chip = chip_of(pci_id)
    size = re.fullmatch(r"(\d+) ([MG])B", str(row.get("spdisplays_vram", "")))
    shared = "spdisplays_vram_shared" in row
    return Gpu(
        vendor=VENDORS.get(number or ""),
        name=row.get("sppci_model"),
        vram_total_mib=int(size[1]) * (1024 if size[2] == "G" else 1) if size and not shared else None,
        architecture=chip.architecture if chip else None,
        chip=chip.chip if chip else None,
        pci_id=pci_id,
        gfx=chip.gfx if chip else None,
        integrated=True if shared else None,
        seen_by="system",
    )
