"""Memory profiles (how to fit the card) and run profiles (how to serve): TOML files in profiles/, and the choice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from launcher.core.hardware import Machine
from launcher.core.text import Text


@dataclass(frozen=True)
class MemoryProfile:
    """One file of profiles/memory/; `title` and `why` are English keys of the catalogues."""

    title: str
    why: str
    mode: str
    attention: str
    flags: tuple[str, ...] = ()
    #: chosen by itself from this much video memory on; None: only when asked for
    vram_from_mib: int | None = None
    #: file name without .toml
    name: str = ""


@dataclass(frozen=True)
class RunProfile:
    """One file of profiles/run/ or of the user's own profiles."""

    title: str
    why: str
    flags: tuple[str, ...] = ()
    listen: bool = False
    share: bool = False
    port: int | None = None
    memory: str | None = None
    gpu: str | None = None
    #: file name without .toml
    name: str = ""


@dataclass(frozen=True)
class MemoryChoice:
    """`mode` is full, medvram, lowvram or cpu; `flags` are A1111's, to put before the user's own."""

    mode: str
    attention: str
    flags: tuple[str, ...]
    reason: Text


def read_memory_profiles() -> dict[str, MemoryProfile]:
    """All of profiles/memory/, by name."""
    raise NotImplementedError


def read_run_profiles(own: Path | None = None) -> dict[str, RunProfile]:
    """All of profiles/run/ and, winning, of the user's own folder `own` (workspace/profiles), by name."""
    raise NotImplementedError


def read_run_profile(name: str, own: Path | None = None) -> RunProfile:
    """One run profile; LauncherError `profile-unknown` lists what there is."""
    raise NotImplementedError


def choose_memory(
    machine: Machine, *, wanted: str | None = None, gpu: str | None = None, tag: str | None = None
) -> MemoryChoice:
    """The profile named `wanted`, else by the used card's memory; `tag` "cpu" means there is no card to use."""
    raise NotImplementedError
