"""A Linux computer as its files: a folder with /sys, /proc and what a distribution keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Plugged:
    """One device on the bus."""

    slot: str
    vendor: str
    device: str
    kind: str = "0x030000"
    driver: str | None = None
    files: dict[str, str] = field(default_factory=dict)


def computer(root: Path, *devices: Plugged, kernel: str = "6.8.0-45-generic", pci_ids: str | None = None) -> Path:
    """`root` filled; its symbolic links are relative, as in /sys."""
    bus = root / "sys/bus/pci/devices"
    bus.mkdir(parents=True)
    for each in devices:
        folder = bus / each.slot
        said = {"class": each.kind, "vendor": f"0x{each.vendor}", "device": f"0x{each.device}", **each.files}
        for name, text in said.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text + "\n")
        if each.driver:
            target = root / "sys/bus/pci/drivers" / each.driver
            target.mkdir(parents=True, exist_ok=True)
            (folder / "driver").symlink_to(Path("../../drivers") / each.driver)
    (root / "proc/sys/kernel").mkdir(parents=True)
    (root / "proc/sys/kernel/osrelease").write_text(kernel + "\n")
    if pci_ids:
        (root / "usr/share/misc").mkdir(parents=True)
        (root / "usr/share/misc/pci.ids").write_text(pci_ids)
    return root


def library(root: Path, version: str) -> None:
    """NVIDIA's library as its package installs it: the file, and the name that programs look for."""
    folder = root / "usr/lib/x86_64-linux-gnu"
    folder.mkdir(parents=True)
    (folder / f"libnvidia-ml.so.{version}").write_bytes(b"\x7fELF")
    (folder / "libnvidia-ml.so.1").symlink_to(f"libnvidia-ml.so.{version}")


def amd_node(root: Path, number: int, version: int, location: int) -> None:
    """A node of AMD's compute driver; `location` is bus, device and function as one number."""
    folder = root / f"sys/class/kfd/kfd/topology/nodes/{number}"
    folder.mkdir(parents=True)
    lines = [
        "cpu_cores_count 0",
        f"gfx_target_version {version}",
        "vendor_id 4098",
        f"location_id {location}",
        "domain 0",
    ]
    (folder / "properties").write_text("\n".join(lines) + "\n")
