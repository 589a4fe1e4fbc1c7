"""The table in data/torch.toml: which builds of torch there are, and what each asks of driver and card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from launcher.core.facts import read_facts
from launcher.core.hardware.machine import Arch, Gpu, Machine, Os

TORCH_TABLE = Path(__file__).resolve().parents[2] / "data/torch.toml"


@dataclass(frozen=True)
class Family:
    """A CUDA major version and the oldest drivers that serve it."""

    name: str
    linux_driver: str
    windows_driver: str


@dataclass(frozen=True)
class Generation:
    """NVIDIA's cards from one compute capability up to, and without, another; None: no such limit is known."""

    #: of the architectures in it
    name: str
    at_least: str
    below: str
    #: the last branch of drivers that serves it, and the first that ignores the card
    newest_driver: int | None = None
    ignored_from: int | None = None
    oldest_linux_driver: str | None = None
    oldest_windows_driver: str | None = None
    #: the last torch with code for it, "2.14"
    last_torch: str | None = None
    #: month in which NVIDIA ends mending `newest_driver`
    fixes_until: str | None = None

    def holds(self, capability: str) -> bool:
        return numbers(self.at_least) <= numbers(capability) < numbers(self.below)


@dataclass(frozen=True)
class Companions:
    """What goes with a version of torch in its family."""

    torch: str
    torchvision: str
    torchaudio: str


@dataclass(frozen=True)
class Xformers:
    """A version of xformers and the builds of torch for which there is a wheel."""

    torch: str
    version: str
    tags: tuple[str, ...]
    os: tuple[Os, ...]


@dataclass(frozen=True)
class Build:
    """One build of torch for one or more systems."""

    tag: str
    #: without the label
    version: str
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
    #: minor versions there are wheels for; () is all of the table's
    pythons: tuple[str, ...] = ()
    #: of the NVIDIA cards whose kernels it holds
    capabilities: tuple[str, ...] = ()
    #: of the AMD cards whose kernels it holds
    gfx: tuple[str, ...] = ()
    #: architectures of Intel's cards it is made for
    intel: tuple[str, ...] = ()
    wheel_bytes: int | None = None
    #: installed, proven and drawn with by Gesso's makers
    run_by_us: bool = False
    #: the last version of torch with this tag, "2.14"; None: no end is known
    ends_with: str | None = None

    @property
    def full(self) -> str:
        """The version as the installed package gives it: "2.13.0+cpu", on macOS "2.13.0"."""
        return f"{self.version}+{self.label}" if self.label else self.version

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

    #: the one that is taken wherever it serves, and the oldest that the engine's packages work with
    version: str
    oldest: str
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
    #: compute capabilities of NVIDIA's Jetson boards
    jetson: tuple[str, ...]
    families: tuple[Family, ...]
    generations: tuple[Generation, ...]
    #: the least compute capability of each of NVIDIA's architectures
    architectures: dict[str, str]
    companions: tuple[Companions, ...]
    xformers: tuple[Xformers, ...]
    builds: tuple[Build, ...]

    def generation(self, gpu: Gpu) -> Generation | None:
        """That of an NVIDIA card, if anything is known to be special about it."""
        capability = gpu.compute_capability
        return next((each for each in self.generations if capability and each.holds(capability)), None)

    def driver_needed(self, build: Build, machine: Machine, cards: tuple[Gpu, ...] = ()) -> str:
        """The oldest driver that serves the build and the cards; on an unknown system the stricter of the two."""
        (family,) = (each for each in self.families if each.name == build.family)
        generations = [each for each in map(self.generation, cards) if each]
        limits = [(each.oldest_linux_driver or "0", each.oldest_windows_driver or "0") for each in generations]
        limits.append((family.linux_driver, family.windows_driver))
        linux = max((limit[0] for limit in limits), key=numbers)
        windows = max((limit[1] for limit in limits), key=numbers)
        # Inside Windows, Linux works with the driver of Windows.
        if machine.os == "windows" or machine.wsl:
            return windows
        return linux if machine.os == "linux" else max(linux, windows, key=numbers)

    def companions_of(self, version: str) -> Companions | None:
        return next((each for each in self.companions if each.torch == version), None)

    def xformers_for(self, build: Build, machine: Machine) -> str | None:
        """The version with a wheel for just this build; None: there is none."""
        for pair in self.xformers:
            if pair.torch == build.version and build.tag in pair.tags and machine.os in pair.os:
                return pair.version
        return None


@lru_cache(maxsize=1)
def read_torch_table() -> TorchTable:
    """The table that came with this Gesso."""
    return read_facts(TORCH_TABLE, TorchTable)


def numbers(version: str) -> tuple[int, ...]:
    """(580, 65, 6) for "580.65.06", to be compared; what is no number counts as 0."""
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split("."))
