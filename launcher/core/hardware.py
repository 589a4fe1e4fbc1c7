"""What this computer is: the one door to NVML, psutil and the operating system."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Os = Literal["windows", "linux", "macos"]
Arch = Literal["x86_64", "arm64"]
Vendor = Literal["nvidia", "amd", "intel", "apple"]


@dataclass(frozen=True)
class Gpu:
    """One graphics card; None is unknown."""

    index: int | None = None
    uuid: str | None = None
    vendor: Vendor | None = None
    name: str | None = None
    #: MiB
    vram_total_mib: int | None = None
    vram_free_mib: int | None = None
    #: NVIDIA's, as "8.6"
    compute_capability: str | None = None


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

    def to_json(self) -> dict[str, Any]:
        """The shape of `gesso hardware --json`."""
        return {**asdict(self), "gpus": [asdict(gpu) for gpu in self.gpus]}


def look(workspace: Path) -> Machine:
    """This computer, with the free disk of `workspace`'s volume. Never raises, takes five seconds at the most."""
    raise NotImplementedError


def simulate(file: Path) -> Machine:
    """The computer described in a TOML or JSON file; LauncherError if it says something unknown."""
    raise NotImplementedError
