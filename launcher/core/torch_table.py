"""The table in data/torch.toml: which builds of torch there are, and what each asks of driver and card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from launcher.core.facts import read_facts
from launcher.core.hardware import Arch, Gpu, Machine, Os

TORCH_TABLE = Path(__file__).resolve().parents[1] / "data/torch.toml"


@dataclass(frozen=True)
class Family:
    """A CUDA major version and the oldest drivers that serve it."""

    name: str
    linux_driver: str
    windows_driver: str


@dataclass(frozen=True)
class Build:
    """One build of torch for one or more systems."""

    tag: str
    os: tuple[Os, ...]
    arch: tuple[Arch, ...]
    #: on the disk, with the libraries it brings
    installed_mib: int
    #: None: needs no NVIDIA driver
    family: str | None = None
    #: the part of its version after the plus sign
    label: str | None = None
    #: None: the general package index
    index: str | None = None
    #: of the cards whose kernels it holds
    capabilities: tuple[str, ...] = ()
    wheel_bytes: int | None = None

    def offered_for(self, machine: Machine) -> bool:
        """An unknown system or processor rules nothing out."""
        return machine.os in (None, *self.os) and machine.arch in (None, *self.arch)

    def has_kernels_for(self, gpu: Gpu) -> bool:
        """Code for x.y runs on x.z with z >= y: 8.6 serves an RTX 40 (8.9), 6.0 a GTX 10 (6.1)."""
        if gpu.compute_capability is None:
            return False
        major, minor = numbers(gpu.compute_capability)
        return any(have[0] == major and have[1] <= minor for have in map(numbers, self.capabilities))


@dataclass(frozen=True)
class TorchTable:
    """data/torch.toml."""

    version: str
    #: when somebody last compared it with what is served
    checked: date
    #: characters below site-packages
    longest_path: int
    #: minor versions the engine runs on, and the one to fetch where the launcher's own is none of them
    pythons: tuple[str, ...]
    python_otherwise: str
    #: on the disk: a fetched Python, the engine's packages without torch, and what is to be left free
    python_mib: int
    packages_mib: int
    reserve_mib: int
    families: tuple[Family, ...]
    builds: tuple[Build, ...]

    def driver_needed(self, build: Build, machine: Machine) -> str:
        """The oldest driver that serves the build; on an unknown system the stricter of the two."""
        (family,) = (each for each in self.families if each.name == build.family)
        if machine.os == "linux":
            return family.linux_driver
        if machine.os == "windows":
            return family.windows_driver
        return max(family.linux_driver, family.windows_driver, key=numbers)


@lru_cache(maxsize=1)
def read_torch_table() -> TorchTable:
    """The table that came with this Gesso."""
    return read_facts(TORCH_TABLE, TorchTable)


def numbers(version: str) -> tuple[int, ...]:
    """(580, 65, 6) for "580.65.06", to be compared; what is no number counts as 0."""
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split("."))
