"""Graphics cards as Linux lists them on the bus, with what its drivers tell; nothing here asks a driver's library."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from launcher.core.hardware.machine import Gpu
from launcher.core.hardware.pci import VENDORS, chip_of, name_of

#: the bus's classes: VGA, 3D and other display controllers, and processing accelerators (AMD's Instinct)
_CLASSES = ("0x0300", "0x0302", "0x0380", "0x1200")
#: where distributions put NVIDIA's library; its file name ends with the driver's version
_LIBRARIES = (
    "usr/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/nvidia/current", "usr/lib/aarch64-linux-gnu", "usr/lib64",
    "usr/lib", "run/opengl-driver/lib",
)  # fmt: skip


def linux_cards(root: Path = Path("/")) -> tuple[Gpu, ...]:
    """Every card of NVIDIA, AMD and Intel, in the order of their slots; `root` is for tests."""
    gfx = dict(_targets(root / "sys/class/kfd/kfd/topology/nodes"))
    devices = sorted(_listed(root / "sys/bus/pci/devices"))
    return tuple(card for device in devices if (card := _card(device, gfx, root)) is not None)


def nvidia_driver_files(root: Path = Path("/")) -> str | None:
    """The version of NVIDIA's driver that runs or is installed, also where it refuses to answer."""
    running = _read(root / "sys/module/nvidia/version")
    if running:
        return running
    for folder in _LIBRARIES:
        found = [
            library.name.removeprefix("libnvidia-ml.so.") for library in (root / folder).glob("libnvidia-ml.so.*.*")
        ]
        if found:
            return max(found, key=lambda version: [int(part) for part in re.findall(r"\d+", version)])
    return None


def memory_limit(root: Path = Path("/")) -> tuple[int, int] | None:
    """Bytes that a container may use, and those its programs use now (control groups 2 or 1); None: no limit."""
    for folder, most, now, total in (
        ("sys/fs/cgroup", "memory.max", "memory.current", ""),
        ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    ):
        limit, used = _number(root / folder / most), _number(root / folder / now)
        # Version 1 writes a number near 2**63 for "no limit".
        if limit is not None and limit < 1 << 60:
            return limit, max(0, (used or 0) - _cached(root / folder / "memory.stat", total))
    return None


def _cached(file: Path, total: str) -> int:
    """Bytes of files that are kept as long as nobody needs the room."""
    lines = (line.split() for line in (_read(file) or "").splitlines())
    stat = {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdecimal()}
    return sum(stat.get(f"{total}{name}_file", 0) for name in ("inactive", "active"))


def is_wsl(root: Path = Path("/")) -> bool:
    """Microsoft's kernel says so in its name."""
    return "microsoft" in (_read(root / "proc/sys/kernel/osrelease") or "").lower()


def _card(device: Path, gfx: dict[str, str], root: Path) -> Gpu | None:
    kind, vendor, number = (_read(device / name) or "" for name in ("class", "vendor", "device"))
    maker = VENDORS.get(vendor.removeprefix("0x"))
    if maker is None or not kind.startswith(_CLASSES):
        return None
    pci_id = f"{vendor.removeprefix('0x')}:{number.removeprefix('0x')}"
    chip = chip_of(pci_id)
    total = _number(device / "mem_info_vram_total")
    used = _number(device / "mem_info_vram_used")
    heat = next((_number(file) for file in sorted(device.glob("hwmon/hwmon*/temp1_input"))), None)
    unique = _read(device / "unique_id")
    return Gpu(
        # AMD's own name of a card among its GPU-isolation variables.
        uuid=f"GPU-{unique}" if unique and maker == "amd" else None,
        vendor=maker,
        name=name_of(pci_id, root),
        vram_total_mib=None if total is None else total >> 20,
        vram_free_mib=None if total is None or used is None else (total - used) >> 20,
        compute_capability=chip.compute_capability if chip else None,
        architecture=chip.architecture if chip else None,
        chip=chip.chip if chip else None,
        pci_id=pci_id,
        pci_slot=device.name,
        gfx=gfx.get(device.name) or (chip.gfx if chip else None),
        temperature_c=None if heat is None else heat // 1000,
        utilisation_percent=_number(device / "gpu_busy_percent"),
        integrated=_integrated(device, maker, chip.integrated if chip else None),
        kernel_driver=_driver(device),
        seen_by="bus",
    )


def _integrated(device: Path, maker: str, told: bool | None) -> bool | None:
    """The table's word; else Intel's graphics on the first bus is a part of the processor, and NVIDIA's never is."""
    if told is not None:
        return told
    if maker == "intel":
        return device.name.startswith("0000:00:")
    return False if maker == "nvidia" else None


def _driver(device: Path) -> str | None:
    try:
        return (device / "driver").readlink().name
    except OSError:
        return None


def _targets(nodes: Path) -> Iterator[tuple[str, str]]:
    """The instruction set of each card that AMD's compute driver serves, by slot; "90010" is gfx90a."""
    for node in _listed(nodes):
        properties = dict(
            line.split(maxsplit=1) for line in (_read(node / "properties") or "").splitlines() if " " in line
        )
        names = ("gfx_target_version", "location_id", "domain")
        told = [properties.get(name, "0").strip() for name in names]
        version, place, domain = (int(each) if each.isdecimal() else 0 for each in told)
        if version:
            slot = f"{domain:04x}:{place >> 8 & 0xFF:02x}:{place >> 3 & 0x1F:02x}.{place & 7}"
            yield slot, f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def _number(file: Path) -> int | None:
    text = _read(file)
    return int(text) if text and text.isdecimal() else None
